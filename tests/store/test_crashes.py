"""A record that ended two processes is set aside; nothing else ever is."""

import random
from pathlib import Path

import pytest

from store.crashes import KILLED, Crashes, SetAside
from tests.store.losing_fs import LosingFs

HERE = Path("/state")
RAISED = SetAside(12, "lora", "KeyError('x')")


def judge(crashes: Crashes, first: int, last: int) -> None:
    with crashes.judging(first, last, kept=True):
        pass


def killed_in(crashes: Crashes, first: int, last: int, *, kept: bool = True) -> None:
    crashes.judging(first, last, kept=kept).__enter__()


def raising(crashes: Crashes, first: int, last: int) -> None:
    with crashes.judging(first, last, kept=True):
        raise KeyError("x")


def test_a_clean_stop_leaves_no_suspicion() -> None:
    fs = LosingFs()
    for _ in range(3):
        crashes = Crashes(fs, HERE)
        assert (crashes.ends, crashes.careful, crashes.set_aside) == (0, False, {})
        judge(crashes, 1, 500)
        crashes.end()


def test_a_clean_stop_clears_the_suspects() -> None:
    fs = LosingFs()
    killed_in(Crashes(fs, HERE), 5, 5)
    crashes = Crashes(fs, HERE)
    judge(crashes, 5, 5)
    crashes.end()
    killed_in(Crashes(fs, HERE), 5, 5)
    assert Crashes(fs, HERE).set_aside == {}


def test_a_kill_between_two_records_leaves_no_suspicion() -> None:
    fs = LosingFs()
    judge(Crashes(fs, HERE), 1, 1)
    crashes = Crashes(fs.after_kill(), HERE)
    assert (crashes.ends, crashes.careful, crashes.set_aside) == (1, False, {})


def test_a_rule_that_raises_is_over_at_the_third_start() -> None:
    fs = LosingFs()
    for start in range(2):
        crashes = Crashes(fs, HERE)
        assert (crashes.ends, crashes.set_aside) == (start, {})
        with pytest.raises(KeyError):
            raising(crashes, 10, 14)
        crashes.blame(RAISED.sequence, RAISED.why, RAISED.source)
        fs = fs.after_power_loss(random.Random(start))

    crashes = Crashes(fs, HERE)
    assert crashes.set_aside == {12: RAISED}
    assert crashes.untold() == [RAISED]
    fs = fs.after_kill()  # before its Status record was durable
    crashes = Crashes(fs, HERE)
    assert crashes.untold() == [RAISED]
    crashes.told()
    crashes.end()
    crashes = Crashes(fs, HERE)
    assert crashes.set_aside == {12: RAISED}, "for ever"
    assert crashes.untold() == []


def test_a_record_that_hangs_is_found_by_judging_one_at_a_time() -> None:
    fs = LosingFs()
    killed_in(Crashes(fs, HERE), 100, 600)  # by the watchdog
    fs = fs.after_kill()
    crashes = Crashes(fs, HERE)
    for sequence in range(90, 350):
        assert crashes.careful
        judge(crashes, sequence, sequence)
    killed_in(crashes, 350, 350)
    fs = fs.after_kill()
    crashes = Crashes(fs, HERE)
    assert crashes.careful
    assert crashes.set_aside == {}, "one process is not yet proof: it may have been an accident"
    assert crashes.suspects == {350}, "a child will judge it first"
    killed_in(crashes, 350, 350)
    fs = fs.after_kill()
    crashes = Crashes(fs, HERE, careful_s=0)
    assert crashes.set_aside == {350: SetAside(350, "", KILLED)}
    assert crashes.ends == 3
    judge(crashes, 351, 351)
    assert crashes.careful, "what was not yet in the journal may come again with other numbers"
    judge(crashes, 5000, 5500)
    assert not crashes.careful


def test_a_number_that_was_not_on_the_disk_is_no_suspect() -> None:
    """It goes to another record; but its frame will come again, perhaps after a while: until then care is taken."""
    fs = LosingFs()
    killed_in(Crashes(fs, HERE), 7, 7, kept=False)
    crashes = Crashes(fs.after_kill(), HERE)
    assert crashes.careful
    assert crashes.suspects == frozenset()
    judge(crashes, 90_000, 90_000)
    assert crashes.careful


def test_power_cuts_and_kills_at_random_convict_nobody() -> None:
    dice = random.Random(1)
    fs = LosingFs()
    at = 1
    for _ in range(300):
        crashes = Crashes(fs, HERE)
        for _ in range(dice.randrange(400)):
            last = at if crashes.careful else at + dice.randrange(2, 500)
            if dice.random() < 0.01:
                killed_in(crashes, at, last)
                break
            judge(crashes, at, last)
            at = last + 1
        fs = fs.after_kill() if dice.random() < 0.5 else fs.after_power_loss(dice)
        at = max(1, at - dice.randrange(300))  # a replay goes back a little
    assert Crashes(fs, HERE).set_aside == {}


def test_one_end_is_counted_once_whatever_the_power_does() -> None:
    for seed in range(50):
        dice = random.Random(seed)
        fs = LosingFs()
        killed_in(Crashes(fs, HERE), 5, 5)
        for _ in range(4):
            fs = fs.after_power_loss(dice)
            assert Crashes(fs, HERE).set_aside == {}


def test_a_full_disk_does_not_keep_the_service_from_starting() -> None:
    fs = LosingFs()
    Crashes(fs, HERE)
    fs.room = 0
    assert Crashes(fs, HERE).set_aside == {}
