"""How much of what was freed the C library keeps. Only glibc is asked; musl keeps little by itself."""

import ctypes
import gc
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h of glibc 2.36; mallopt(3)
_LARGE = 128 * 1024  # glibc's own threshold, until the first larger block is freed


def keep_little() -> None:
    """Let freed memory go back to the system. To be called before there are threads.

    glibc gives each thread an arena of its own, though only one holds the interpreter, and raises both thresholds to
    the largest block that was freed (up to 32 MB): a snapshot, a body for InfluxDB. Measured with bench/run's full
    windows, after 120,000 messages: 188 MB as it is, 161 MB so, CPU a message the same.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's: no use here for threads of its own
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _LARGE)


def give_back() -> None:
    """Return to the system what configuration and snapshot needed for a moment; glibc keeps it otherwise."""
    gc.unfreeze()  # what a reload has replaced must go
    gc.collect()
    gc.freeze()  # devices, rules and what they remember stay: no collection need look at them again
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
