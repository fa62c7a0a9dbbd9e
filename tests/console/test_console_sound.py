"""Sound: never before a gesture, and never unsaid that there is none."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.console.conftest import Opens
from tests.feed.room import Room, eventually, tilted

COUNTED = """
globalThis.tones = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (at) { tones.push(this.frequency.value); start.call(this, at); };
"""


def tones(page: Page) -> list[float]:
    heard: list[float] = page.evaluate("tones")
    return heard


def test_a_red_badge_stands_until_the_shift_has_begun(opens: Opens, context: BrowserContext, room: Room) -> None:
    context.add_init_script(COUNTED)
    page = opens()
    badge = page.locator("#silent")
    expect(badge).to_have_text("声音未启用")
    expect(badge).to_have_css("background-color", "rgb(176, 0, 32)")
    room.tell(tilted("a"))
    expect(page.locator("#rows .all .line")).to_have_count(1)
    assert tones(page) == []
    page.get_by_role("button", name="开始值班").click()
    expect(badge).to_have_count(0)
    eventually(lambda: 660 in tones(page), "the test tone")
    page.reload()
    expect(badge).to_be_visible()  # another page, another gesture


def test_the_most_urgent_repeats_until_it_is_acknowledged_or_silenced(
    opens: Opens, context: BrowserContext, room: Room
) -> None:
    context.add_init_script(COUNTED)
    page = opens()
    page.locator("#user").fill("张三")
    page.get_by_role("button", name="开始值班").click()
    expect(page.locator("#sound")).to_have_text("声音已启用")
    room.tell(tilted("a"))
    silence = page.locator("#silence")
    expect(silence).to_be_visible()
    once = len(tones(page))
    page.clock.run_for(9_000)
    assert len(tones(page)) >= once + 8  # two more times of four tones

    page.keyboard.press("s")
    expect(silence).to_have_count(0)
    quiet = len(tones(page))
    page.clock.run_for(9_000)
    assert len(tones(page)) == quiet
    expect(page.locator("#rows .all .line")).to_contain_text("未确认")  # silence is no acknowledgement

    room.tell(tilted("b"))  # another one calls anew
    expect(silence).to_be_visible()
    page.locator("#rows").focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("a")
    expect(silence).to_have_count(0)
    quiet = len(tones(page))
    page.clock.run_for(9_000)
    assert len(tones(page)) == quiet


def test_what_is_withheld_does_not_sound(opens: Opens, context: BrowserContext, room: Room) -> None:
    context.add_init_script(COUNTED)
    page = opens()
    page.get_by_role("button", name="开始值班").click()
    eventually(lambda: len(tones(page)) == 2, "the test tone")
    page.clock.run_for(2_000)
    room.tell(tilted("a", suppressed=["cut_off"]), tilted("b", acknowledged=True))
    expect(page.locator("#link")).to_have_text("完整至 #2")
    assert len(tones(page)) == 2
    room.tell(tilted("c", priority=4))
    eventually(lambda: tones(page)[2:] == [440], "the low tone")
