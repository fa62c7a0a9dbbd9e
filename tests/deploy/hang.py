"""Stop one thread of a process, the one that is called `pipeline`, and let all others go on: as a hung disk does.

A signal stops all threads of a process; a tracer can stop one, as long as it lives. Usage: hang.py PID
"""

import ctypes
import os
import sys
from pathlib import Path

PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000


def hang(pid: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    threads = Path(f"/proc/{pid}/task").iterdir()
    hung = [int(each.name) for each in threads if (each / "comm").read_text().strip() == "pipeline"]
    assert len(hung) == 1, hung
    if libc.ptrace(PTRACE_SEIZE, hung[0], None, None) or libc.ptrace(PTRACE_INTERRUPT, hung[0], None, None):
        raise OSError(ctypes.get_errno(), "ptrace")
    return hung[0]


if __name__ == "__main__":
    told, tell = os.pipe()
    if os.fork() == 0:
        os.setsid()
        thread = hang(int(sys.argv[1]))
        os.write(tell, b"hung")
        for fd in (0, 1, 2, tell):
            os.close(fd)
        while True:  # a tracer that does not wait for it keeps a thread that is killed from going
            try:
                os.waitpid(thread, WALL)
            except ChildProcessError:
                os._exit(0)
    os.close(tell)
    assert os.read(told, 4) == b"hung"
