"""What the daemon asks of the allocator, so that its memory stays what its data need."""

import ctypes
import gc
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of mallopt(3), glibc's malloc.h
_TRIM_BYTES = 128 << 10
_MMAP_BYTES = 256 << 10


def one_arena() -> None:
    """Let all threads share one arena, which gives back what is freed; before the first thread.

    glibc gives every thread an arena of its own, each with holes; and once a large block was freed, it keeps blocks of
    that size for ever. Beside the interpreter's lock the arenas save nothing. (Measured with 10,000 devices and 50 h of
    windows: 188 MB to 161.) numpy's threads are of no use here either.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _MMAP_BYTES)
        mallopt(_TRIM_THRESHOLD, _TRIM_BYTES)


def give_back_memory() -> None:
    """Return to the system what configuration and snapshot needed for a moment; glibc keeps it otherwise."""
    gc.unfreeze()  # what a reload has replaced must go
    gc.collect()
    gc.freeze()  # devices, rules and what they remember stay: no collection need look at them again
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:
        trim(0)
