"""The map: a schematic that always works, and a customer's tiles with the devices where the tiles have them."""

import json
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from struct import pack

import pytest
from playwright.sync_api import Browser, Page, expect

from config import crs
from feed.console_settings import ConsoleSettings, MapSettings
from tests.console.screens import seat
from tests.console.street import furnish, high
from tests.feed.console import ConsoleRoom
from tests.feed.room import Room, tilted

pytestmark = pytest.mark.skipif(not Path("/usr/bin/chromium").exists(), reason="no /usr/bin/chromium")


def test_positions_are_moved_as_the_gateway_moves_them(workshop: Path, tmp_path: Path) -> None:
    """What config/crs.py brings to WGS 84, for each map of China, comes back to where the map has it."""
    built = tmp_path / "crs.mjs"
    esbuild = workshop / "node_modules" / ".bin" / "esbuild"
    subprocess.run([esbuild, workshop / "src/screens/crs.ts", "--format=esm", f"--outfile={built}"], check=True)
    points = [(117.1859, 34.2610), (121.4737, 31.2304), (116.3913, 39.9075), (87.6168, 43.8256), (114.0579, 22.5431)]
    program = (
        f"import {{ onMap }} from {json.dumps(str(built))};"
        "const points = JSON.parse(process.argv[1]);"
        "const all = ['wgs84', 'cgcs2000', 'gcj02', 'bd09'];"
        "console.log(JSON.stringify(Object.fromEntries(all.map((crs) => [crs, points.map((p) => onMap(p, crs))]))));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program, json.dumps([*points, (2.35, 48.86)])],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    moved = json.loads(done.stdout)
    for point, gcj02, bd09 in zip(points, moved["gcj02"], moved["bd09"], strict=False):
        assert gcj02 == pytest.approx(crs.to_gcj02(point), abs=1e-12)
        assert crs.to_wgs84((gcj02[0], gcj02[1]), "gcj02") == pytest.approx(point, abs=1e-9)
        assert crs.to_wgs84((bd09[0], bd09[1]), "bd09") == pytest.approx(
            point, abs=2e-6
        )  # 0.2 m: its own law is no better
        assert abs(bd09[0] - point[0]) > 0.004
    assert moved["gcj02"][-1] == [2.35, 48.86]  # outside China nothing is moved
    assert [tuple(each) for each in moved["wgs84"][:-1]] == points == [tuple(each) for each in moved["cgcs2000"][:-1]]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[ConsoleRoom]:
    with ConsoleRoom(tmp_path) as opened:
        furnish(opened)
        yield opened


def place(page: Page, name: str) -> tuple[float, float]:
    box = page.get_by_role("button", name=name).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_schematic_shows_what_is_wrong_where_live(browser: Browser, city: ConsoleRoom) -> None:
    with seat(browser, city, "operator") as sitting:
        page = sitting.open("map")
        expect(page.locator(".schematic .mark").first).to_be_visible()
        expect(page.locator(".schematic .mark.p1")).to_have_count(0)
        city.tell(tilted("mh-0001", id="cover-tilted@mh-0001", name="文化路1号 污水井盖"), high("dust-07", priority=2))
        urgent = page.get_by_role("button", name="一级, 1 条报警")
        expect(urgent).to_be_visible()
        expect(urgent.locator(".core.pulse")).to_be_visible()  # the symbol itself stays as it is
        west, east = place(page, "云龙湖二期"), place(page, "一级, 1 条报警")
        assert west[0] < east[0]
        assert west[1] > east[1]  # north is up

        places = page.locator(".places li")
        expect(places.first).to_contain_text("道路与其他")
        expect(places.nth(1)).to_contain_text("云龙湖二期")
        expect(page.get_by_text("1 台设备没有坐标，不在图上")).to_be_visible()

        places.nth(1).get_by_role("button").click()  # closer
        expect(page.get_by_role("button", name="云龙湖二期 东门: 二级")).to_be_visible()
        page.get_by_role("button", name="云龙湖二期 东门: 二级").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="云龙湖二期 东门")).to_be_visible()
        expect(page.get_by_role("complementary")).to_contain_text("PM10 小时均值 212")
        before = place(page, "云龙湖二期 东门: 二级")
        page.locator(".schematic").focus()
        page.keyboard.press("ArrowRight")
        assert place(page, "云龙湖二期 东门: 二级")[0] == pytest.approx(before[0] - 80, abs=2)
        page.keyboard.press("0")
        expect(urgent).to_be_visible()
        page = sitting.open("map/mh-0001")  # as the duty desk's key M asks for it
        expect(page.get_by_role("button", name="文化路1号 污水井盖: 一级")).to_be_visible()
        expect(page.get_by_role("heading", name="文化路1号 污水井盖")).to_be_visible()


def test_a_schematic_is_moved_by_hand(browser: Browser, city: ConsoleRoom) -> None:
    city.tell(high("dust-07", priority=2))
    with seat(browser, city, "operator") as sitting:
        page = sitting.open("map")
        name = "二级, 1 条报警"
        x, y = place(page, name)
        page.mouse.move(x + 200, y - 100)
        page.mouse.down()
        page.mouse.move(x + 250, y - 130, steps=4)
        page.mouse.up()
        assert place(page, name) == pytest.approx((x + 50, y - 30), abs=6)
        page.mouse.wheel(0, -200)
        expect(page.get_by_role("button", name="云龙湖二期 东门: 二级")).to_be_visible()


def _png() -> bytes:
    """Make a grey tile."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))

    head = pack(">IIBBBBB", 256, 256, 8, 0, 0, 0, 0)
    data = zlib.compress((b"\0" + b"\xdd" * 256) * 256)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.fixture
def tiles() -> Iterator[tuple[str, list[str]]]:
    """Serve tiles from another port: that is another origin."""
    asked: list[str] = []
    png = _png()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.send_header("cross-origin-resource-policy", "cross-origin")
            self.send_header("content-length", str(len(png)))
            self.end_headers()
            with suppress(ConnectionError):  # a browser that has gone on
                self.wfile.write(png)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_customers_tiles_carry_the_marks(browser: Browser, tmp_path: Path, tiles: tuple[str, list[str]]) -> None:
    origin, asked = tiles
    settings = ConsoleSettings(
        map=MapSettings(
            tiles=f"{origin}/{{z}}/{{x}}/{{y}}.png", crs="gcj02", attribution="某市测绘院 审图号 苏S(2026)1号"
        )
    )
    said: list[str] = []
    with Room(tmp_path / "a", console=settings) as room:
        furnish(room)
        room.tell(tilted("mh-0001", id="cover-tilted@mh-0001", name="文化路1号 污水井盖"))
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"http://127.0.0.1:{room.server.port}/#/map")
        mark = page.get_by_role("button", name="一级, 1 条报警")
        expect(mark).to_be_visible()
        expect(page.locator("img.leaflet-tile").first).to_be_visible()
        assert asked
        expect(page.get_by_text("审图号")).to_be_visible()
        mark.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("complementary")).to_contain_text("井盖倾斜 34°")
        page.get_by_role("button", name="示意图").click()
        expect(page.locator(".schematic .mark.p1")).to_be_visible()
        page.get_by_role("button", name="地图", exact=True).click()
        expect(mark).to_be_visible()
        context.close()
    assert said == []


def test_without_its_tiles_a_map_still_says_where(browser: Browser, tmp_path: Path) -> None:
    settings = ConsoleSettings(
        map=MapSettings(tiles="http://127.0.0.1:9/{z}/{x}/{y}.png", crs="bd09", attribution="某市测绘院")
    )
    with Room(tmp_path / "a", console=settings) as room:
        furnish(room)
        room.tell(tilted("mh-0001", id="cover-tilted@mh-0001"))
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{room.server.port}/#/map")
        expect(page.get_by_text("底图没有送达")).to_be_visible()
        expect(page.get_by_role("button", name="一级, 1 条报警")).to_be_visible()
        context.close()
