"""Memory of results: how much a run would need, how much there is."""

from __future__ import annotations

import os
from pathlib import Path

import torch  # noqa: F401  # loads the one OpenMP runtime that _core then uses too

from synfer import _core
from synfer.errors import InputError

MEMINFO = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")
NEVER_REFUSED = 100_000_000
"""Bytes below which no estimate of what is left is heeded."""


def available_bytes() -> int | None:
    """Give the memory that this process could still take: what the system, or its control group, has left.

    Pages of files, which the system drops when memory is wanted, count as available. None where nothing can be known.
    """
    limits = [limit for limit in (_system_bytes(), _group_bytes()) if limit is not None]
    return min(limits) + _core.pool_idle_bytes() if limits else None


def refuse_beyond_available(needed: int, mend: str, what: str = "the run") -> None:
    """Raise where more bytes are needed than there are; never for less than 100 MB.

    Raises
    ------
    InputError
        With both numbers and the ``mend``.
    """
    if needed <= NEVER_REFUSED:
        return
    available = available_bytes()
    if available is not None and needed > available:
        raise InputError(
            f"{what} would need {needed / 1e9:,.1f} GB of memory and {available / 1e9:,.1f} GB are available: {mend}."
        )


def _system_bytes() -> int | None:
    try:
        return _fields(MEMINFO)["MemAvailable:"] * 1024
    except (OSError, KeyError):  # not Linux, or one from before 2014
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    except ValueError:  # a system that does not know these names
        return None


def _group_bytes() -> int | None:
    """Give what a control group (version 2) has left; None without one, or without a limit ("max")."""
    try:
        limit, used = (int((GROUP / file).read_text()) for file in ("memory.max", "memory.current"))
    except (OSError, ValueError):
        return None
    try:
        stat = _fields(GROUP / "memory.stat")
    except OSError:
        stat = {}
    return max(limit - used, 0) + stat.get("inactive_file", 0) + stat.get("active_file", 0)


def _fields(path: Path) -> dict[str, int]:
    """Read lines "name number ..."."""
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
