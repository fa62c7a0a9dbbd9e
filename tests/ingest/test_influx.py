"""What InfluxDB answers, and what we make of it: a real server, asked over a proxy that can answer in its place."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from devices.registry import Device
from ingest.influx import Answer, Influx, seconds_to
from ingest.influx_halving import LINES_A_REQUEST, Delivered, deliver, lines_of
from rules.lines import ERASE, erase
from tests.influxd import Proxy, Server, influx_error, running, why_not

pytestmark = pytest.mark.timeout(1800)  # the first time InfluxDB is built

T_NS = 1_750_000_000_000_000_000
needs_influxdb = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if why_not():
        print(why_not())
    with running(tmp_path_factory.mktemp("influxd")) as one:
        yield one


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as one:
        yield one


@pytest.fixture
def influx(server: Server, proxy: Proxy) -> Iterator[Influx]:
    one = Influx(server.settings(proxy.url), connect_s=1, read_s=5)
    yield one
    one.close()


def line(measurement: str, n: int, *, device: str = "d0", field: str | None = None) -> bytes:
    value = f"{n}.0" if field is None else field
    return f"{measurement},device={device},model=plain n={value} {T_NS + n * 1_000_000}\n".encode()


def test_lines_arrive(server: Server, influx: Influx) -> None:
    assert influx.write(b"".join(line("arrive", n) for n in range(100))).meaning == "written"
    assert server.numbers("arrive") == list(range(100))


def test_a_body_is_small_on_the_wire(influx: Influx, proxy: Proxy) -> None:
    text = b"".join(line("small", n) for n in range(1000))
    influx.write(text)
    assert proxy.sizes[-1] < len(text) / 5


@needs_influxdb
@pytest.mark.parametrize(
    ("body", "meaning", "blamed"),
    [
        (b"arrive,device=d0 n= 1\narrive,device=d0 n=NaN 1\n", "bad", 2),
        (line("types", 1) + line("types", 2, field='"two"') + line("types", 3, field="true"), "partly", 2),
        (b"times,device=d0 n=1 99999999999999999999\n", "bad", 1),
    ],
)
def test_influxdb_tells_lines_that_are_at_fault(influx: Influx, body: bytes, meaning: str, blamed: int) -> None:
    answer = influx.write(body)
    assert (answer.meaning, answer.blamed) == (meaning, blamed)


@needs_influxdb
@pytest.mark.parametrize(("what", "status"), [("token", 401), ("bucket", 404), ("org", 404)])
def test_influxdb_refuses_us(server: Server, what: str, status: int, tmp_path: Path) -> None:
    settings = server.settings()
    (tmp_path / "token").write_text("wrong")
    wrong = settings.token.model_copy(update={"file": tmp_path / "token"}) if what == "token" else "nowhere"
    influx = Influx(settings.model_copy(update={what: wrong}))
    answer = influx.write(line("refused", 1))
    assert (answer.status, answer.meaning) == (status, "refused")
    if what == "token":
        (tmp_path / "token").write_text((server.folder / "token").read_text() + "\n")
        assert influx.write(line("refused", 2)).meaning == "written"
    influx.close()


def test_a_missing_token_is_an_answer(server: Server, tmp_path: Path) -> None:
    settings = server.settings()
    token = settings.token.model_copy(update={"file": tmp_path / "absent"})
    answer = Influx(settings.model_copy(update={"token": token})).write(line("absent", 1))
    assert answer.meaning == "refused"
    assert "absent" in answer.detail


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(204), "written"),
        (Answer(200, "<html>log in to the Wi-Fi"), "refused"),
        (Answer(302), "refused"),
        (Answer(400, "bad request"), "refused"),  # of a proxy: lines are not to blame
        (Answer(400, "unable to parse", "invalid"), "bad"),
        (Answer(422, "dropped=1", "unprocessable entity"), "partly"),
        (Answer(405), "refused"),
        (Answer(408), "down"),
        (Answer(413), "too_large"),
        (Answer(429), "down"),
        (Answer(500), "down"),
        (Answer(503), "down"),
        (Answer(0), "down"),
    ],
)
def test_what_an_answer_means(answer: Answer, meaning: str) -> None:
    assert answer.meaning == meaning


def test_a_proxy_on_the_way_is_not_taken_for_influxdb(influx: Influx, proxy: Proxy) -> None:
    proxy.fault = lambda _lines: (400, {"Content-Type": "text/html"}, b"<html>\xff")
    assert influx.write(line("proxy", 1)).meaning in ("refused", "down")
    proxy.fault = lambda _lines: (200, {}, b"<html>welcome")
    assert influx.write(line("proxy", 1)).meaning == "refused"
    proxy.fault = lambda _lines: (302, {"Location": "http://127.0.0.1:9/"}, b"")
    assert influx.write(line("proxy", 1)).status == 302
    proxy.fault = influx_error(429, "too many requests", "slow down", **{"Retry-After": "7"})
    assert influx.write(line("proxy", 1)).retry_after_s == 7


def test_no_answer_is_an_answer(server: Server, influx: Influx, proxy: Proxy) -> None:
    proxy.breaks = True
    assert influx.write(line("broken", 1)).meaning == "down"
    proxy.breaks = False
    assert influx.write(line("broken", 1)).meaning == "written"
    slow = Influx(server.settings(), read_s=0.2)
    server.pause()
    try:
        assert slow.write(line("broken", 2)).meaning == "down"
    finally:
        server.resume()
    assert slow.write(line("broken", 2)).meaning == "written"
    slow.close()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120),
        ("Tue, 24 Nov 2026 08:00:30 GMT", 30),
        ("Tue, 24 Nov 2026 07:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert seconds_to(header, datetime(2026, 11, 24, 8, tzinfo=UTC)) == seconds


# ------------------------------------------------------------------------------------------------------- halving


@needs_influxdb
def test_the_bad_lines_are_found_and_the_others_are_there(server: Server, influx: Influx, proxy: Proxy) -> None:
    assert influx.write(line("halves", 0)).meaning == "written"
    bad = {17: 'n="text"', 2000: "n=", 2001: "n=NaN", 4999: "n=true"}
    lines = [line("halves", n, device=f"d{n % 50}") for n in range(5000)]
    for n, wrong in bad.items():
        lines[n] = lines[n].replace(b"n=%d.0" % n, wrong.encode())
    delivered = deliver(b"".join(lines), len(lines), influx.write)
    assert isinstance(delivered, Delivered)
    assert len(delivered.aside) == 4
    assert sorted(one.line for one in delivered.aside) == sorted(lines[n] for n in bad)
    reasons = {one.line: one.reason for one in delivered.aside}
    assert [reasons[lines[n]] for n in bad] == ["unfit", "unreadable", "unreadable", "unfit"]
    assert all(one.detail for one in delivered.aside)
    assert server.numbers("halves") == [n for n in range(5000) if n not in bad]
    assert len(proxy.writes) < 100


@needs_influxdb
def test_a_device_that_always_sends_the_wrong_type_costs_few_requests(
    server: Server, influx: Influx, proxy: Proxy
) -> None:
    assert influx.write(line("wrong_type", 0)).meaning == "written"
    lines = [
        line("wrong_type", n, device=f"d{n % 10}", field="true" if n % 10 == 3 else None) for n in range(5000)
    ]  # every tenth, spread over the whole body
    delivered = deliver(b"".join(lines), len(lines), influx.write)
    assert isinstance(delivered, Delivered)
    assert len(delivered.aside) == 500
    assert server.numbers("wrong_type") == [n for n in range(5000) if n % 10 != 3]
    assert len(proxy.writes) < 60


@needs_influxdb
def test_all_of_a_body_may_be_too_old_for_the_bucket(influx: Influx, proxy: Proxy) -> None:
    proxy.fault = lambda lines: influx_error(
        422, "unprocessable entity", f"partial write: points beyond retention policy dropped={len(lines)}"
    )(lines)
    delivered = deliver(b"".join(line("old", n) for n in range(1000)), 1000, influx.write)
    assert isinstance(delivered, Delivered)
    assert (len(delivered.aside), len(proxy.writes)) == (1000, 1)


def test_what_is_too_large_goes_in_parts(server: Server, influx: Influx, proxy: Proxy) -> None:
    too_large = influx_error(413, "request too large", "cannot read data: points batch is too large")
    proxy.fault = lambda lines: too_large(lines) if len(lines) > 100 else None
    delivered = deliver(b"".join(line("large", n) for n in range(1000)), 1000, influx.write)
    assert isinstance(delivered, Delivered)
    assert delivered.aside == []
    assert server.numbers("large") == list(range(1000))


def test_a_failure_amid_the_halves_gives_nothing_up(influx: Influx, proxy: Proxy) -> None:
    invalid = influx_error(400, "invalid", "unable to parse 'x': missing fields")
    unavailable = influx_error(503, "unavailable", "starting")
    proxy.fault = lambda lines: invalid(lines) if len(lines) > 3 else unavailable(lines)
    answer = deliver(b"".join(line("amid", n) for n in range(20)), 20, influx.write)
    assert isinstance(answer, Answer)
    assert answer.status == 503


def test_any_mixture_of_bad_lines_is_taken_apart() -> None:
    """A server that refuses as InfluxDB does, asked 300 times: what it has in the end are the good lines, in order."""
    dice = random.Random(1)
    for _ in range(300):
        count = dice.randrange(1, 60)
        kinds = [dice.choice(("good", "good", "good", "syntax", "type")) for _ in range(count)]
        lines = [b"m,device=d%d n=%s %d\n" % (n % 4, kind.encode(), n) for n, kind in enumerate(kinds)]
        there: dict[bytes, None] = {}

        def post(text: bytes, there: dict[bytes, None] = there) -> Answer:
            asked = lines_of(text)
            syntax = sum(b"syntax" in one for one in asked)
            if syntax:
                return Answer(400, "unable to parse", "invalid", blamed=syntax)
            there |= dict.fromkeys(one for one in asked if b"type" not in one)
            wrong = sum(b"type" in one for one in asked)
            return Answer(422, "conflict", "unprocessable entity", blamed=min(wrong, 2)) if wrong else Answer(204)

        delivered = deliver(b"".join(lines), len(lines), post)
        assert isinstance(delivered, Delivered)
        assert set(there) == {one for one in lines if b"good" in one}
        assert sorted(one.line for one in delivered.aside) == sorted(set(lines) - set(there))


def test_more_than_one_request_holds() -> None:
    sizes = []

    def post(text: bytes) -> Answer:
        sizes.append(text.count(b"\n"))
        return Answer(204)

    delivered = deliver(
        b"".join(line("many", n) for n in range(2 * LINES_A_REQUEST + 1)), 2 * LINES_A_REQUEST + 1, post
    )
    assert isinstance(delivered, Delivered)
    assert sizes == [LINES_A_REQUEST, LINES_A_REQUEST, 1]


def test_a_carriage_return_in_a_text_is_not_the_end_of_a_line() -> None:
    assert lines_of(b'm t="a\rb" 1\nm t="c" 2\n') == [b'm t="a\rb" 1\n', b'm t="c" 2\n']


@needs_influxdb
def test_counting_what_influxdb_holds(server: Server) -> None:
    influx = Influx(server.settings())
    body = b"".join(line("counted", n, device=f"d{n % 3}") for n in range(30))
    body += b'counted,device=odd\\ one a=1 %d\ncounted,device=odd\\ one b="x" %d\n' % (T_NS, T_NS + 1)
    assert influx.write(body).meaning == "written"
    until_ms = T_NS // 1_000_000 + 86_400_000
    points = {device: count for (name, device), count in influx.points(until_ms).items() if name == "counted"}
    assert points == {"d0": 10, "d1": 10, "d2": 10, "odd one": 1}
    assert influx.points_of("counted", "odd one", until_ms) == 2
    influx.close()
    gone = Influx(server.settings().model_copy(update={"bucket": 'no "${such}'}))
    with pytest.raises(OSError, match="such"):
        gone.points(until_ms)
    gone.close()


DEVICE = Device(id='well "7"', model="plain", family="erased", address="topic:lora/7", interval_ms=1000)
ORDER = erase(DEVICE, T_NS // 1_000_000 + 20, T_NS // 1_000_000 + 40)


@needs_influxdb
def test_what_a_refile_says_anew_takes_the_place_of_what_was_there(server: Server, influx: Influx) -> None:
    """Fields that the old reading had and the new one has not are gone too; the neighbour keeps everything."""
    tag = DEVICE.id.replace(" ", "\\ ")
    before = b"".join(line("erased", n, device=name) for n in range(60) for name in (tag, "neighbour"))
    again = b"".join(line("erased", 100 + n, device=tag).replace(b"n=", b"m=") for n in range(3))
    text = before + ORDER + again
    assert deliver(text, text.count(b"\n"), influx.write) == Delivered([], {DEVICE.id: 20})
    points = influx.points(T_NS // 1_000_000 + 86_400_000)
    assert points["erased", DEVICE.id] == 40
    assert points["erased", "neighbour"] == 60
    assert influx.points_of("erased", DEVICE.id, T_NS // 1_000_000 + 86_400_000) == 43
    assert deliver(ORDER, 1, influx.write) == Delivered([], {DEVICE.id: 0})  # after a crash it comes again


@needs_influxdb
def test_an_order_without_an_end_takes_all_of_a_device_also_of_a_former_family(server: Server, influx: Influx) -> None:
    """What was wrong was the model: the points lie in another measurement. Means of ours and alarms stay."""
    tag = "model-was-wrong"
    here = [
        line(name, n, device=tag).replace(b" n=", b' flags="late",wet=true,n=')
        for name in ("dust", "manhole", "dust_reported_day")
        for n in range(5)
    ]
    stays = [line(name, 1, device=tag) for name in ("dust_hour", "dust_day", "alarm")]
    endless = erase(structs.replace(DEVICE, id=tag, family="dust"), 0, 1 << 60)
    text = b"".join([*here, *stays, endless])
    assert deliver(text, text.count(b"\n"), influx.write) == Delivered([], {tag: 15})
    points = influx.points(T_NS // 1_000_000 + 86_400_000)
    assert {name for name, device in points if device == tag} == {"dust_hour", "dust_day", "alarm"}


def test_an_order_to_erase_stands_alone_and_keeps_its_place() -> None:
    posted: list[bytes] = []

    def post(text: bytes) -> Answer:
        posted.append(text)
        return Answer(400, "it cannot erase", "invalid", 1) if text.startswith(ERASE) else Answer(204)

    many = b"".join(line("erased", n) for n in range(LINES_A_REQUEST + 1))
    said = deliver(ORDER + many + ORDER + many, 2 * LINES_A_REQUEST + 4, post)
    assert [text if text == ORDER else text.count(b"\n") for text in posted] == [
        ORDER, LINES_A_REQUEST, 1, ORDER, LINES_A_REQUEST, 1,
    ]  # fmt: skip
    assert isinstance(said, Delivered)
    assert [(one.line, one.reason) for one in said.aside] == [(ORDER, "not_erased")] * 2


def test_what_knows_no_deletion_has_the_order_set_aside(influx: Influx, proxy: Proxy) -> None:
    """VictoriaMetrics: nothing waits for ever for what it cannot do."""
    proxy.fault = lambda _lines: (404, {}, b"unsupported path requested")
    said = deliver(ORDER, 1, influx.write)
    assert isinstance(said, Delivered)
    assert [one.detail for one in said.aside] == ["it cannot erase: unsupported path requested"]


@needs_influxdb
def test_a_token_that_may_not_erase_waits(server: Server, tmp_path: Path) -> None:
    settings = server.settings()
    (tmp_path / "token").write_text("wrong")
    wrong = settings.model_copy(update={"token": settings.token.model_copy(update={"file": tmp_path / "token"})})
    answer = Influx(wrong).write(ORDER)
    assert (answer.status, answer.meaning) == (401, "refused")
