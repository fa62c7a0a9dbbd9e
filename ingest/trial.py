"""Would a record that has ended one process end another? A child is asked, before this process judges it itself.

Used where a start replays the journal, when there is no other thread of ours yet: only then is a fork sound.
"""

import ctypes
import os
import signal
import warnings
from collections.abc import Callable

TRIAL_S = 10  # judging takes a millisecond; whoever takes so long hangs
_PR_SET_PDEATHSIG = 1  # prctl(2)


def try_first(judge: Callable[[], object], within_s: int = TRIAL_S) -> str:
    """Let a child judge; return how that ended it, "" = it lived. Nothing that the child does is kept."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python 3.12 warns of every thread, those of numpy's arithmetic included, which hold no lock of ours.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(_judge(judge, writing, within_s))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        raised = pipe.read().decode()
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended == -signal.SIGALRM:
        return f"it did not end within {within_s} s"
    return "" if ended == 0 else raised or f"the process ended with {ended} while it judged this record"


def _judge(judge: Callable[[], object], writing: int, within_s: int) -> int:
    """Be the child, which may not outlive its parent: it holds the locks of the stores."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(within_s)
    try:
        judge()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the child, and is told to the parent
        os.write(writing, repr(error.__cause__ or error).encode()[:4096])
        return 1
    return 0
