"""Keys and addresses: they do what they say on every screen, and nothing where nothing may be done."""

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.console.conftest import Opens
from tests.console.test_console_desk import lines, on_duty
from tests.feed.room import Room, eventually, tilted


def test_a_ticked_box_does_not_take_the_keys(page: Page, room: Room) -> None:
    """It keeps the focus after a click; space is its own, every other key is the desk's."""
    room.tell(tilted("a"))
    expect(lines(page)).to_have_count(1)
    page.locator("#user").fill("张三")
    box = page.get_by_label("按原因归并")
    box.click()
    expect(box).to_be_focused()
    page.keyboard.press(" ")
    expect(box).not_to_be_checked()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("a")
    expect(lines(page)).to_contain_text("已确认")


def test_a_malformed_address_is_taken_as_it_stands(opens: Opens) -> None:
    page = opens("journal/text/100%")
    expect(page.locator("main h1")).to_have_text("日志")
    expect(page.get_by_label("文字")).to_have_value("100%")


def test_the_skip_link_leads_into_the_screen_and_not_to_another(opens: Opens) -> None:
    page = opens("journal/kind/raised")
    expect(page.locator("main h1")).to_have_text("日志")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到内容")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page.locator("main h1")).to_have_text("日志")
    assert page.url.endswith("#/journal/kind/raised")


def test_help_is_on_every_screen(opens: Opens) -> None:
    page = opens("journal")
    expect(page.locator("main h1")).to_have_text("日志")
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="键盘操作")
    expect(help_).to_contain_text("消音")
    page.keyboard.press("Escape")
    expect(help_).to_have_count(0)
    page.keyboard.press("?")
    expect(help_).to_be_visible()


def test_what_is_typed_while_a_dialog_comes_is_no_command(opens: Opens, context: BrowserContext, room: Room) -> None:
    """Its script comes when it is first needed: over a poor line after the next key."""
    room.tell(tilted("a"))
    held: list[Route] = []
    context.route("**/dialogs-*.js", lambda route: held.append(route))  # noqa: PLW0108 - Playwright inspects it
    page = opens()
    on_duty(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("c")
    page.keyboard.press("a")
    page.keyboard.press("ArrowDown")
    eventually(lambda: held, "the dialogs are asked for")
    for route in held:
        route.continue_()
    expect(page.get_by_role("dialog").locator("textarea")).to_be_focused()
    assert not room.alarms.by_id["cover-tilted@a/tilt_deg"].acknowledged


def test_no_key_answers_what_stood_before_the_line_died(page: Page, room: Room) -> None:
    """The buttons are barred, and so are the keys: one's own, the card's, those in sight, an open dialog's."""
    cause = tilted("gate", id="line-down@gate", rule="line-down", priority=2)
    member = tilted("mh-1", id="silent@mh-1", rule="silent", priority=4)
    room.tell(cause, member)
    member.group = cause.id
    room.tell(member, kind="members")
    expect(lines(page)).to_have_count(2)
    on_duty(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog")
    dialog.locator("textarea").fill("已派人")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    room.server.stop(5)
    page.clock.run_for(35_000)
    expect(page.locator("#dead")).to_contain_text("恢复前不能处理报警")
    page.keyboard.press("Enter")
    expect(dialog.locator("textarea")).to_have_value("已派人")  # what was written is not lost
    expect(dialog.get_by_role("button", name="备注")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    for key in ("a", "c", "Shift+A", "g", "Home", "a"):
        page.keyboard.press(key)
    expect(page.locator(".line.group")).to_have_count(1)
    expect(dialog).to_have_count(0)
    expect(page.locator(".line.sent")).to_have_count(0)
    assert asked == []
