"""What processes cost, from the kernel's own accounting."""

import os
from collections import defaultdict
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
# Fields of /proc/<pid>/stat after the command's name, which may itself hold spaces.
_PARENT, _CPU = 1, slice(11, 15)


def _stat(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def family(pid: int) -> list[int]:
    """A process and all that it started, and so on."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children[int(fields[_PARENT])].append(int(entry.name))
    found = [pid]
    for member in found:
        found += children[member]
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its family, the ones that ended and were reaped included."""
    total = 0
    for member in family(pid):
        fields = _stat(member)
        if fields is not None:
            total += sum(map(int, fields[_CPU]))
    return total / _TICKS


def busy_seconds() -> float:
    """CPU time that anything on this machine used since it was started."""
    first = (_PROC / "stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _waiting, irq, softirq, stolen = map(int, first[:8])
    return (user + nice + system + irq + softirq + stolen) / _TICKS


def pss_megabytes(pid: int) -> float:
    """Memory of a process: its own pages, and its part of those it shares."""
    for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def web_megabytes(pid: int) -> float:
    """Memory of a server and the workers it started."""
    return sum(pss_megabytes(member) for member in family(pid))
