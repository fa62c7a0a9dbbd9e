"""A report in a real browser: its policy holds, the switch works without a script, it is printed in one language."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from feed.reports import spans
from feed.reports.make import Maker
from feed.reports.page import Shown, page
from feed.reports.settings import ReportsSettings
from tests.console.conftest import PICTURES
from tests.feed.streets import MINUTE, City

DAY = "2026-11-23"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Let a day go by: one station misses the morning, one says nothing, one exceeds."""
    city = City(tmp_path_factory.mktemp("city"))

    def air(device: str, at_ms: int) -> dict[str, float] | None:
        hour = (at_ms - city.ms(f"{DAY} 00:00")) // (60 * MINUTE)
        if device == "dust-08" and hour < 11:
            return None
        pm10 = 190.0 + hour if device == "dust-07" and 9 <= hour < 13 else 60.0 + 2 * hour
        return {"pm10": pm10, "pm25": pm10 / 2, "tsp": pm10 * 2.4, "noise": 50.0 + hour % 7, "wind": 2.0}

    city.live(f"{DAY} 00:04", "2026-11-24 00:00", ["dust-07", "dust-08"], air)
    city.wait("2026-11-24 07:30")
    return city


def opened(
    browser: Browser, city: City, folder: Path, shown: Shown, site: str | None = "云龙湖二期"
) -> tuple[Page, list[str]]:
    settings = ReportsSettings(daily="07:30", city="徐州市鼓楼区")
    maker = Maker(
        book=city.state / "book.sqlite", registry=city.registry, ruleset=city.ruleset, settings=settings
    )  # fmt: skip
    (report,) = maker.gather(spans.day(DAY, "Asia/Shanghai"), city.ms("2026-11-24 07:30"), [site])
    path = folder / "report.html"
    path.write_text(page(report, shown), encoding="utf-8")
    said: list[str] = []
    tab = browser.new_page(viewport={"width": 1366, "height": 768})
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(path.as_uri())
    return tab, said


def test_one_language_is_seen_and_the_switch_shows_the_other(browser: Browser, city: City, tmp_path: Path) -> None:
    tab, said = opened(browser, city, tmp_path, "zh")
    assert (tab.locator("main#zh").is_visible(), tab.locator("main#en").is_visible()) == (True, False)
    tab.get_by_role("link", name="English").click()
    assert (tab.locator("main#zh").is_visible(), tab.locator("main#en").is_visible()) == (False, True)
    tab.emulate_media(media="print")
    assert not tab.locator("main#en nav").is_visible()
    tab.emulate_media(media="screen")
    tab.get_by_role("link", name="中文").click()
    assert (tab.locator("main#zh").is_visible(), tab.locator("main#en").is_visible()) == (True, False)
    assert said == []  # a policy that is broken says so
    tab.close()


@pytest.mark.parametrize("shown", ["zh", "en"])
@pytest.mark.parametrize(("site", "name"), [("云龙湖二期", "report-site"), (None, "report-city")])
def test_it_is_printed_on_a4_without_being_cut(
    *, site: str | None, name: str, shown: Shown, browser: Browser, city: City, tmp_path: Path
) -> None:
    tab, said = opened(browser, city, tmp_path, shown, site)
    tab.screenshot(path=PICTURES / f"{name}-{shown}.png", full_page=True)
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 703, "height": 990})  # A4 less its margins
    assert tab.evaluate("document.documentElement.scrollWidth") <= 703
    pages = tab.pdf(prefer_css_page_size=True).count(b"/Type /Page\n")
    assert 1 <= pages <= 4
    assert said == []
    tab.close()


def test_a_phone_reads_it(browser: Browser, city: City, tmp_path: Path) -> None:
    tab, _ = opened(browser, city, tmp_path, "en")
    tab.set_viewport_size({"width": 390, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390  # wide tables scroll by themselves
    tab.close()
