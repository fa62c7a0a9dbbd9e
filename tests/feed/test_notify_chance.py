"""Whatever fails, and when: everybody is told as soon as anything works, once or with the mark, and nothing is left."""

import random
from collections import defaultdict
from pathlib import Path

import pytest

from tests.feed.notify_room import Answer, Got, alarm, street

MINUTE = 60_000
DOWN, SLOWLY = Answer(503, b""), Answer(429, b"", {"retry-after": "30"})
FAILS = {
    "duty": [DOWN, SLOWLY, Answer(body=b'{"errcode":130101,"errmsg":"x"}'), Answer(body=b'{"errcode":310000}')],
    "boss": [DOWN, SLOWLY, Answer(body=b'{"errcode":45009,"errmsg":"x"}'), Answer(body=b'{"errcode":93000}')],
    "hook": [DOWN, SLOWLY],
}
ROUTE = {"name": "all", "channel": "duty", "then": [{"channel": "boss"}]}
ALARMS = 12


@pytest.mark.parametrize("seed", range(10))
def test_everybody_is_told_whatever_fails(seed: int, tmp_path: Path) -> None:
    """Three channels that stand in for each other fail, and the gateway is killed; then one of them works again."""
    chance = random.Random(seed)
    well = chance.choice(list(FAILS))
    perhaps: dict[tuple[str, str], set[str]] = defaultdict(set)  # alarm, channel -> unmarked messages that may be there

    def answer(got: Got) -> Answer:
        name = got.path.split("/")[1].split("?")[0]
        said = Answer()
        if chance.random() < 0.95 if one.room.now_ms < ends_ms else name != well:
            said = chance.choice(FAILS[name])
        text = got.body.decode("utf-8")
        if said in (DOWN, Answer()) and "可能重复" not in text:
            unique = got.headers.get("webhook-id", str(len(one.server.got)))
            for alarm_id in (f"mh-{n:02}" for n in range(ALARMS) if f"mh-{n:02}" in text):
                perhaps[alarm_id, name].add(unique)
        return said

    chain = {"duty": {"fallback": "boss"}, "boss": {"fallback": "hook", "people": []}}
    with street(tmp_path, [ROUTE], nag="24 h", **chain) as one:
        ends_ms = one.room.now_ms + 60 * MINUTE
        one.server.answer = answer
        for n in range(ALARMS):
            one.room.tell(alarm(f"mh-{n:02}", chance.choice((1, 1, 2, 3)), respond_within_ms=0))
            one.room.run(chance.randrange(1, 5) * MINUTE, 20_000)
            if chance.random() < 0.3:
                one.room.notifier.turn()
                one.room.notifier.arrive()  # the answer is there, and was not written down
                one.room.notifier.box.close()
                one.room.notifier.follower.close()
                one.room.open()
        one.room.run(ends_ms - one.room.now_ms + 60 * MINUTE, 20_000)
        for n in range(ALARMS):
            assert ("told", "sent") in one.room.states(f"mh-{n:02}")
        assert {waiting for _, waiting, _ in one.room.notifier.box.channels()} == {0}
    assert {where: unique for where, unique in perhaps.items() if len(unique) > 1} == {}
