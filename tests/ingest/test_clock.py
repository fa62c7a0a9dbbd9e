"""What is believed of civil time when the system's clock jumps: NTP, or the platforms of several sources."""

import ctypes
from pathlib import Path
from typing import Any

import pytest

from devices.frames import Batch
from devices.platform_clock import MINUTE_MS, PlatformClock, agreed
from devices.registry import Registry, Source
from ingest import clock as module
from ingest.clock import Civil, judge_civil, kernel_says, ntp_says_so, timedated_says
from rules.fold import Fold
from rules.records import Config
from rules.ruleset import RuleSet
from tests.rules.street import LORA, START_MS, bay, uplink

NOON_MS = 1_795_000_000_000
YEARS_MS = 73 * 365 * 86_400_000
BELIEVED = Civil(0, "system", trusted=True)


def judge(jump_ms: int, *, ntp: bool = False, platforms_ms: int | None = None) -> tuple[int, str, bool]:
    civil = judge_civil(NOON_MS, NOON_MS + jump_ms, BELIEVED, ntp=lambda: ntp, platforms_ms=platforms_ms)
    return civil.offset_ms, civil.source, civil.trusted


def test_a_small_step_is_believed_and_less_is_none() -> None:
    assert judge(200) == (0, "system", True)
    assert judge(-90_000) == (-90_000, "system", True)


def test_a_jump_needs_ntp() -> None:
    assert judge(YEARS_MS) == (0, "system", False)
    assert judge(YEARS_MS, ntp=True) == (YEARS_MS, "ntp", True)


def test_or_several_platforms() -> None:
    assert judge(YEARS_MS, platforms_ms=YEARS_MS - 2_000) == (YEARS_MS, "platforms", True)
    assert judge(YEARS_MS, platforms_ms=-1_000) == (0, "system", False), "they agree with what was believed before"
    assert judge(YEARS_MS, platforms_ms=-3_600_000) == (-3_600_000, "platforms", False), "neither was right"
    assert judge(YEARS_MS, ntp=True, platforms_ms=-3_600_000) == (YEARS_MS, "ntp", True), "NTP knows best"


def heard(minutes: dict[int, int]) -> PlatformClock:
    clock = PlatformClock()
    for minute, offset_ms in minutes.items():
        clock.note(NOON_MS + minute * MINUTE_MS, NOON_MS + minute * MINUTE_MS + offset_ms)
    return clock


def test_a_platform_is_a_witness_after_some_minutes() -> None:
    now_ms = NOON_MS + 4 * MINUTE_MS
    assert heard({3: 500, 4: 700}).offset_ms(now_ms) is None
    assert heard({2: 100, 3: 500, 4: -90_000}).offset_ms(now_ms) is None
    assert heard({2: 100, 3: 500, 4: -700}).offset_ms(now_ms) == 500
    assert heard({2: 100, 3: 500, 4: -700}).offset_ms(now_ms + 3 * MINUTE_MS) is None, "no more"


def test_what_a_broker_kept_is_no_witness() -> None:
    """Eight hours of messages in three minutes, and then those of now."""
    clock = PlatformClock()
    for second in range(0, 180, 5):
        log_ms = NOON_MS + second * 1_000
        clock.note(log_ms, log_ms - (180 - second) * 160_000)
        assert clock.offset_ms(log_ms) is None
    for second in range(180, 500, 5):
        clock.note(NOON_MS + second * 1_000, NOON_MS + second * 1_000 - 400)
    assert clock.offset_ms(NOON_MS + 500_000) == -400


@pytest.mark.parametrize(
    ("offsets", "found"),
    [
        ([], None),
        ([5], None),
        ([0, 50_000], 50_000),
        ([0, 70_000], None),
        ([0, 30_000, YEARS_MS], 30_000),
        ([0, 1, YEARS_MS, YEARS_MS + 1], None),
    ],
)
def test_more_than_half_of_several_agree(offsets: list[int], found: int | None) -> None:
    assert agreed(offsets) == found


def test_the_fold_hears_the_platforms_of_its_sources() -> None:
    """Two network servers; the gateway believes that it is 73 years earlier."""
    other = Source(name="other", kind="mqtt", subject="broker:other", routes=LORA.routes)
    registry = Registry(gateway="gw", time_zone="Asia/Shanghai", sources=(LORA, other), devices=(bay(),))
    fold = Fold(lambda _: (registry, RuleSet(())))
    fold.take(1, [Config(at_ms=START_MS, hash="one")])
    for n in range(4):
        at_ms = START_MS + n * MINUTE_MS
        for k, name in enumerate(("lora", "other")):
            place, payload = uplink("00000000000000a1", 1, b"\x01", counter=n * 2 + k, time_ms=at_ms + YEARS_MS)
            fold.take(2 + 2 * n + k, [Batch(name, at_ms, [(place.encode(), payload, b"")])])
    doors = fold.memory.world.reception.doors.values()
    assert [door.platform.offset_ms(START_MS + 3 * MINUTE_MS) for door in doors] == [YEARS_MS, YEARS_MS]


# ------------------------------------------------------------------------------------------------------------- NTP


class Kernel:
    """adjtimex(2) as it answers."""

    def __init__(self, answer: int, error_us: int) -> None:
        self.answer, self.error_us = answer, error_us

    def adjtimex(self, where: Any) -> int:  # noqa: ANN401 - what ctypes.byref makes
        timex: Any = where._obj
        assert timex.modes == 0, "it only reads"
        timex.maxerror = self.error_us
        return self.answer


@pytest.mark.parametrize(
    ("answer", "error_us", "said"),
    [(0, 800, True), (5, 600_000, True), (5, 16_000_000, False), (-1, 0, None)],
    ids=["synchronised", "chrony without rtcsync", "nobody", "forbidden"],
)
def test_the_kernel_s_word(monkeypatch: pytest.MonkeyPatch, answer: int, error_us: int, said: object) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Kernel(answer, error_us))
    assert kernel_says() is said


def test_the_kernel_of_this_machine_answers() -> None:
    assert isinstance(kernel_says(), bool)


@pytest.mark.parametrize(("prints", "said"), [("b true", True), ("b false", False), ("no bus", False)])
def test_timedated_is_asked_where_the_kernel_may_not_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prints: str, said: object
) -> None:
    program = tmp_path / "busctl"
    program.write_text(f"#!/bin/sh\necho {prints}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "kernel_says", lambda: None)
    assert ntp_says_so() is said
    program.unlink()
    assert timedated_says() is None
