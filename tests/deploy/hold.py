"""Hold one thread of a process for as long as it lives, while the others go on: as a disk does that does not answer.

A signal stops all threads of a process; a tracer can stop one. Usage: hold.py THREAD-ID
"""

import ctypes
import os
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000  # waitpid: also for a thread


def main() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    tid = int(sys.argv[1])
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, tid, None, None):
            raise OSError(ctypes.get_errno(), "ptrace")
    # It stops, and is never told to go on. When it is killed somebody must take note, or its process would not end.
    while os.WIFSTOPPED(os.waitpid(tid, WALL)[1]):
        pass


if __name__ == "__main__":
    main()
