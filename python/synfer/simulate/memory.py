"""Memory of results: how much a run would need, how much there is."""

from __future__ import annotations

import os
from pathlib import Path

import torch  # noqa: F401  # loads the one OpenMP runtime that _core then uses too

from synfer import _core
from synfer.errors import InputError


def available_bytes() -> int:
    """Give the memory that this process could still take: what the system, or its control group, has left."""
    limits = []
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
    except OSError:  # not Linux: all there is, less nothing
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        group = Path("/sys/fs/cgroup")
        limits.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):  # no control group, or one without a limit ("max")
        pass
    return min(limits) + _core.pool_idle_bytes()


def refuse_beyond_available(needed: int, mend: str) -> None:
    """Raise where more bytes are needed than there are.

    Raises
    ------
    InputError
        With both numbers and the ``mend``.
    """
    available = available_bytes()
    if needed > available:
        raise InputError(
            f"the run would need {needed / 1e9:,.1f} GB of memory and {available / 1e9:,.1f} GB are available: {mend}."
        )
