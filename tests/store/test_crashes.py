"""A record that ended two processes is set aside; nothing else ever is."""

import random
from pathlib import Path

from store.crashes import KILLED, Crashes
from tests.store.losing_fs import LosingFs

HERE = Path("/state")


def test_a_clean_stop_leaves_no_suspicion() -> None:
    fs = LosingFs()
    crashes = Crashes(fs, HERE)
    assert (crashes.ends, crashes.careful_upto, crashes.aside) == (0, 0, {})
    crashes.begin(1, 500)
    crashes.end()
    crashes.stopped()
    crashes = Crashes(fs, HERE)
    assert (crashes.ends, crashes.careful_upto, crashes.aside) == (0, 0, {})


def test_a_rule_that_raises_is_over_at_the_third_start() -> None:
    fs = LosingFs()
    crashes = Crashes(fs, HERE)
    crashes.begin(10, 14)
    crashes.blame(12, "KeyError('x')")

    crashes = Crashes(fs.after_power_loss(random.Random(1)), HERE)
    assert (crashes.ends, crashes.aside) == (1, {})
    crashes.begin(10, 14)
    crashes.blame(12, "KeyError('x')")
    fs = crashes._fs  # type: ignore[assignment]

    crashes = Crashes(fs.after_power_loss(random.Random(1)), HERE)
    assert crashes.ends == 2
    assert crashes.aside == {12: "KeyError('x')"}
    assert crashes.unreported == [(12, "KeyError('x')")]
    crashes.reported()
    crashes.stopped()
    fs = crashes._fs  # type: ignore[assignment]
    crashes = Crashes(fs, HERE)
    assert crashes.aside == {12: "KeyError('x')"}, "for ever"
    assert crashes.unreported == []


def test_a_record_that_hangs_is_found_by_judging_one_at_a_time() -> None:
    fs = LosingFs()
    Crashes(fs, HERE).begin(100, 600)  # killed by the watchdog
    fs = fs.after_kill()
    crashes = Crashes(fs, HERE)
    assert crashes.careful_upto > 600
    for sequence in range(100, 350):
        crashes.begin(sequence, sequence)
        crashes.end()
    crashes.begin(350, 350)  # killed again
    fs = fs.after_kill()
    crashes = Crashes(fs, HERE)
    assert crashes.aside == {}, "one process is not yet proof: it may have been an accident"
    assert crashes.careful_upto > 350
    crashes.begin(350, 350)
    crashes = Crashes(fs.after_kill(), HERE)
    assert crashes.aside == {350: KILLED}
    assert crashes.ends == 3


def test_power_cuts_and_kills_at_random_convict_nobody() -> None:
    dice = random.Random(1)
    fs = LosingFs()
    at = 1
    for _ in range(300):
        crashes = Crashes(fs, HERE)
        for _ in range(dice.randrange(400)):
            last = at if at <= crashes.careful_upto else at + dice.randrange(2, 500)
            crashes.begin(at, last)
            if dice.random() < 0.01:
                break
            crashes.end()
            at = last + 1
        fs = fs.after_kill() if dice.random() < 0.5 else fs.after_power_loss(dice)
        at = max(1, at - dice.randrange(300))  # a replay goes back a little
    assert Crashes(fs, HERE).aside == {}


def test_one_end_is_counted_once_whatever_the_power_does() -> None:
    for seed in range(50):
        dice = random.Random(seed)
        fs = LosingFs()
        Crashes(fs, HERE).begin(5, 5)
        for _ in range(4):
            fs = fs.after_power_loss(dice)
            assert Crashes(fs, HERE).aside == {}


def test_a_full_disk_does_not_keep_the_service_from_starting() -> None:
    fs = LosingFs()
    Crashes(fs, HERE)
    fs.room = 0
    assert Crashes(fs, HERE).aside == {}
