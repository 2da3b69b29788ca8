"""What counts as available memory: read from files made here, as the system would write them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synfer import _core
from synfer.errors import InputError
from synfer.simulate import memory

MB = 10**6


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8 GB available and no control group; nothing is idle in the pool."""
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\nHugePages_Total: 0\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    monkeypatch.setattr(_core, "pool_idle_bytes", lambda: 0)
    return tmp_path


def make_group(folder: Path, limit: int | str, used: int, inactive: int = 0, active: int = 0) -> None:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {inactive}\nactive_file {active}\nfile 77\n")


def test_without_a_control_group_the_system_answers(machine: Path) -> None:
    assert memory.available_bytes() == 8_000_000 * 1024
    make_group(machine, "max", 500 * MB)
    assert memory.available_bytes() == 8_000_000 * 1024


def test_pages_of_files_in_a_control_group_are_available(machine: Path) -> None:
    make_group(machine, 2000 * MB, 1990 * MB, inactive=900 * MB, active=400 * MB)
    assert memory.available_bytes() == 1310 * MB
    memory.refuse_beyond_available(1300 * MB, "wait")
    with pytest.raises(InputError, match=r"1\.4 GB of memory and 1\.3 GB are available: record less\."):
        memory.refuse_beyond_available(1400 * MB, "record less")


def test_a_control_group_without_statistics_counts_what_it_uses(machine: Path) -> None:
    make_group(machine, 2000 * MB, 1500 * MB, inactive=900 * MB)
    (machine / "memory.stat").unlink()
    assert memory.available_bytes() == 500 * MB


def test_a_full_group_refuses_nothing_small(machine: Path) -> None:
    make_group(machine, 2000 * MB, 2001 * MB)
    assert memory.available_bytes() == 0
    memory.refuse_beyond_available(100 * MB, "wait")
    with pytest.raises(InputError, match="wait"):
        memory.refuse_beyond_available(101 * MB, "wait")


def test_idle_buffers_of_the_pool_are_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_core, "pool_idle_bytes", lambda: 7)
    assert memory.available_bytes() == 8_000_000 * 1024 + 7


def test_where_nothing_is_known_nothing_is_refused(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "meminfo").unlink()
    monkeypatch.delattr(os, "sysconf")
    assert memory.available_bytes() is None
    memory.refuse_beyond_available(10**18, "wait")
