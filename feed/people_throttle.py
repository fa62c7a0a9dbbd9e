"""How often a stranger may try: guesses of a password wait longer and longer; refusals are written down to a budget."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final

FREE: Final = {"both": 5, "address": 20, "user": 100}
"""Wrong guesses before one has to wait: of one user from one address, from one address, of one user from anywhere."""
LONGEST_S: Final = 900.0
FORGIVEN_S: Final = 1_200.0
"""For one wrong guess to be forgotten: a guess each 20 min goes on for ever without waiting, and gets nowhere."""
REMEMBERED: Final = 4_096

BURST: Final = 20
EACH_S: Final = 300.0
BURST_OF_ALL: Final = 200
EACH_OF_ALL_S: Final = 60.0
"""Refusals that are written down: 20 of one address and one each 5 min; 200 of all, one a minute: 0.5 MB a day."""


def network(address: str) -> str:
    """Give what is one place for the throttle: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return address


Key = tuple[str, str]
"""What is counted: the kind of FREE, and of whom."""


class Throttle:
    """Wrong guesses of passwords. Forgotten at a restart, which nobody outside can cause. now_s: any steady clock."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[Key, tuple[float, float, float]] = (
            OrderedDict()
        )  # -> how many, when, the next one from

    def wait_s(self, user: str, address: str, now_s: float) -> float:
        """Say how long this one has to wait; 0 = he may try."""
        nexts = [self._wrong[key][2] for key in _keys(user, address) if key in self._wrong]
        return max(0.0, *(one - now_s for one in nexts), 0.0)

    def wrong(self, user: str, address: str, now_s: float) -> None:
        """Count a guess as wrong; before it is looked at, so that many at once are no way round it."""
        for key in _keys(user, address):
            count, since_s, _ = self._wrong.pop(key, (0.0, now_s, 0.0))
            count = max(0.0, count - (now_s - since_s) / FORGIVEN_S) + 1
            over = round(count) - FREE[key[0]]
            self._wrong[key] = count, now_s, now_s + (min(LONGEST_S, 2.0 ** min(over, 10)) if over >= 0 else 0.0)
            if len(self._wrong) > REMEMBERED:
                self._wrong.popitem(last=False)

    def right(self, user: str, address: str) -> None:
        """Forget the wrong guesses of who knew the password in the end, and that this one was counted as wrong."""
        both, *others = _keys(user, address)
        self._wrong.pop(both, None)
        for key in others:
            if key in self._wrong:
                count, since_s, next_s = self._wrong[key]
                self._wrong[key] = max(0.0, count - 1), since_s, next_s


def _keys(user: str, address: str) -> tuple[Key, ...]:
    place = network(address)
    return ("both", f"{user}\n{place}"), ("address", place), ("user", user)


class Budget:
    """How many refusals are written down; the others are counted, and told with the next one that is."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float, int]] = OrderedDict()  # place -> left, since, not written
        self._of_all = (float(BURST_OF_ALL), float("-inf"))
        self._forgotten = 0

    def spend(self, address: str, now_s: float) -> int | None:
        """Take one: how many were not written down before it, or None when this is not to be either."""
        place = network(address)
        left, since_s, unwritten = self._left.pop(place, (float(BURST), now_s, 0))
        left = min(float(BURST), left + (now_s - since_s) / EACH_S)
        all_left, all_since_s = self._of_all
        all_left = min(float(BURST_OF_ALL), all_left + (now_s - all_since_s) / EACH_OF_ALL_S)
        self._of_all = all_left, now_s
        may = left >= 1 and all_left >= 1
        if may:
            self._of_all = all_left - 1, now_s
        self._left[place] = (left - 1, now_s, 0) if may else (left, now_s, unwritten + 1)
        if len(self._left) > REMEMBERED:
            self._forgotten += self._left.popitem(last=False)[1][2]
        return unwritten if may else None

    def unwritten(self) -> int:
        """Give how many were not written down since this was asked last, of those that nothing has told yet."""
        count = self._forgotten + sum(each[2] for each in self._left.values())
        self._forgotten = 0
        for place, (left, since_s, _) in self._left.items():
            self._left[place] = left, since_s, 0
        return count
