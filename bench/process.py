"""What is measured of a process from outside: its CPU and its memory."""

import os
import time
from pathlib import Path


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of all its threads, those that have ended too; nanoseconds count, unlike in /proc."""
    return time.clock_gettime(~pid << 3 | 2)  # CPUCLOCK_SCHED of another process, clock_getcpuclockid(3)


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def rss_mb(pid: int) -> float:
    """Return its resident memory now, MB."""
    return _status(pid, "VmRSS") * 1024 / 1e6


def peak_mb(pid: int) -> float:
    """Return the most it ever had, MB."""
    return _status(pid, "VmHWM") * 1024 / 1e6


def machine() -> str:
    """Describe the machine in a line."""
    cpu = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{os.cpu_count()} × {cpu.split(':', 1)[1].strip()}, {memory:.0f} GB, Linux {os.uname().release}"
