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


def test_a_latched_alarm_that_returned_calls_on_until_somebody_has_seen_it(
    opens: Opens, context: BrowserContext, room: Room
) -> None:
    """A cover opened and shut again in the night: the tone does not end by itself, nor does the symbol rest."""
    context.add_init_script(COUNTED)
    page = opens()
    page.locator("#user").fill("张三")
    page.get_by_role("button", name="开始值班").click()
    expect(page.locator("#sound")).to_have_text("声音已启用")
    page.clock.run_for(2_000)
    cover, hatch = tilted("a", latched=True), tilted("b")
    room.tell(cover, hatch)
    expect(page.locator("#rows .pulse")).to_have_count(2)
    for alarm in (cover, hatch):
        alarm.active = False
        room.tell(alarm, kind="returned")
    rows = page.locator("#rows .all .line")
    expect(rows.get_by_text("已恢复未确认")).to_have_count(2)
    expect(page.locator("#rows .pulse")).to_have_count(1)  # of what does not latch ISA-18.2 is silent
    once = len(tones(page))
    page.clock.run_for(9_000)
    assert len(tones(page)) >= once + 8
    rows.first.click()
    page.get_by_role("button", name="确认 A").click()
    expect(page.locator("#silence")).to_have_count(0)
    quiet = len(tones(page))
    page.clock.run_for(9_000)
    assert len(tones(page)) == quiet


def test_a_tone_is_not_played_on_top_of_itself(opens: Opens, context: BrowserContext, room: Room) -> None:
    context.add_init_script(COUNTED)
    page = opens()
    page.get_by_role("button", name="开始值班").click()
    eventually(lambda: len(tones(page)) == 2, "the test tone")
    page.clock.run_for(2_000)
    room.tell(tilted("a"))
    expect(page.locator("#silence")).to_be_visible()
    expect(page.locator("#link")).to_have_text("完整至 #1")
    assert tones(page)[2:] == [988, 740] * 2


def test_at_the_desk_a_shift_begins_with_a_gesture_after_the_wall_too(opens: Opens) -> None:
    """The wall sounds unasked where the browser lets it, also after a click that was meant for something else."""
    page = opens()
    page.locator("#theme").click()
    page.evaluate("location.hash = '#/wall'")
    expect(page.locator(".wall-page")).to_be_visible()
    expect(page.locator("#silent")).to_have_count(0)
    page.evaluate("location.hash = '#/desk'")
    expect(page.locator("#silent")).to_be_visible()


def test_of_several_tabs_one_sounds_and_silence_is_for_all(opens: Opens, context: BrowserContext, room: Room) -> None:
    context.add_init_script(COUNTED)
    first, second = opens(), opens()
    for page in (first, second):
        page.get_by_role("button", name="开始值班").click()
        expect(page.locator("#sound")).to_have_text("声音已启用")
        page.clock.run_for(2_000)
    before = [len(tones(page)) for page in (first, second)]
    room.tell(tilted("a"))
    for page in (first, second):
        expect(page.locator("#silence")).to_be_visible()
        page.clock.run_for(9_000)
    heard = [len(tones(page)) - n for page, n in zip((first, second), before, strict=True)]
    assert heard[1] == 0
    assert heard[0] >= 8
    second.locator("#silence").click()  # in the one that does not even sound
    expect(first.locator("#silence")).to_have_count(0)
    quiet = len(tones(first))
    first.clock.run_for(9_000)
    assert len(tones(first)) == quiet
    first.reload()  # whoever loads the page anew has silenced it all the same
    first.get_by_role("button", name="开始值班").click()
    expect(first.locator("#sound")).to_be_visible()

    eventually(lambda: len(tones(first)) == 2, "the test tone")
    first.clock.run_for(2_000)
    first.close()  # then another tab takes over
    quiet = len(tones(second))
    room.tell(tilted("b"))
    expect(second.locator("#silence")).to_be_visible()
    second.clock.run_for(9_000)
    assert len(tones(second)) >= quiet + 8


def test_a_dead_line_is_heard_and_silences_nothing(opens: Opens, context: BrowserContext, room: Room) -> None:
    """What called before calls on; where nothing did, the loss itself does, until it is silenced or over."""
    context.add_init_script(COUNTED)
    page = opens()
    page.get_by_role("button", name="开始值班").click()
    expect(page.locator("#sound")).to_be_visible()
    room.tell(tilted("a"))
    silence = page.locator("#silence")
    expect(silence).to_be_visible()
    room.server.stop(5)
    page.clock.run_for(35_000)
    expect(page.locator("#dead")).to_be_visible()
    once = len(tones(page))
    page.clock.run_for(9_000)
    assert tones(page)[once:].count(988) >= 4  # the urgent tone
    room.restart()
    expect(page.locator("#dead")).to_have_count(0)
    page.keyboard.press("s")
    expect(silence).to_have_count(0)

    room.server.stop(5)
    once = len(tones(page))
    page.clock.run_for(60_000)
    expect(silence).to_be_visible()
    assert tones(page)[once : once + 6] == [660, 550, 440] * 2
    page.keyboard.press("s")
    expect(silence).to_have_count(0)
    once = len(tones(page))
    page.clock.run_for(30_000)
    assert len(tones(page)) == once
    room.restart()
    expect(page.locator("#dead")).to_have_count(0)
    room.server.stop(5)
    page.clock.run_for(35_000)
    expect(silence).to_be_visible()  # the next time it calls anew


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
