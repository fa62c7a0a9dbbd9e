"""All feeds of cityward.yaml, put together."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from feed.feeds_around import Around
from feed.feeds_desk import forget_others
from feed.feeds_settings import FeedsSettings
from feed.follow import Follower
from feed.webhook import Webhook

Hire = Callable[[str, Callable[[], None], threading.Event], threading.Thread]
"""Starts a thread: its name, its work, what is set when it may end."""


class Feed(Protocol):
    """A way out that reads the book."""

    follower: Follower

    def run(self, stop: threading.Event) -> None:
        """Feed until it is stopped."""
        ...

    def counts(self) -> dict[str, int]:
        """Give its position, and how many events the other side will not get, by why; from any thread."""
        ...


class Feeds:
    """Make it before the pipeline runs; `views` are for the pipeline."""

    def __init__(self, settings: FeedsSettings, around: Around) -> None:
        self._around = around
        self._threads: list[threading.Thread] = []
        self._feeds: dict[str, Feed] = {each.name: Webhook(each, around) for each in settings.webhooks}
        if settings.mqtt:
            from feed.mqtt_feed import MqttFeed  # noqa: PLC0415 - paho is loaded where it is used

            self._feeds |= {each.name: MqttFeed(each, around) for each in settings.mqtt}

    @property
    def views(self) -> list[Follower]:
        """What the pipeline wakes."""
        return [feed.follower for feed in self._feeds.values()]

    def begin(self, hire: Hire, stop: threading.Event) -> None:
        """Start a thread for each; those that were configured once are forgotten, and so is their trouble."""
        for name in forget_others(self._around.state / "desk.sqlite", self._feeds):
            self._around.report(f"feed:{name}")("condition", {"name": "feed-failing", "bad": False})
        for name, feed in self._feeds.items():
            self._threads.append(hire(f"feed-{name}"[:15], _work(feed, stop), stop))

    def counts(self) -> dict[str, dict[str, int]]:
        """Count what each has done; from any thread."""
        return {name: feed.counts() for name, feed in self._feeds.items()}

    def end(self, within_s: float) -> None:
        """Let them say goodbye, once `stop` has been set."""
        for view in self.views:
            view.wake()
        until = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))


def _work(feed: Feed, stop: threading.Event) -> Callable[[], None]:
    return lambda: feed.run(stop)
