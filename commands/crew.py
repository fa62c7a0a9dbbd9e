"""The daemon's threads: one that ends by itself ends the process, for nobody else would notice that it has died."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)


class Crew:
    """Threads that must live until they are told to stop."""

    def __init__(self) -> None:
        self.ended: Future[None] = Future()  # done with what ended a thread that should live
        self.quitting = False

    def hire(self, name: str, work: Callable[[], None], stop: threading.Event | None = None) -> threading.Thread:
        """Start a thread; `stop` set = it may end."""

        def run() -> None:
            with suppress(OSError):  # so that `top -H` and a debugger show it by its name
                Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(name, encoding="ascii")
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - raised again where the process ends
                if not (self.quitting and isinstance(error, CancelledError)):  # the pipeline has ended before it
                    self._end(error)
            else:
                if not self.quitting and not (stop and stop.is_set()):
                    self._end(RuntimeError(f"thread {name} ended"))

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def _end(self, error: BaseException) -> None:
        log.error("%s ends the process", threading.current_thread().name, exc_info=error)
        if not self.ended.done():
            self.ended.set_exception(error)
