"""What the core knows of the machine: one OpenMP runtime, instruction levels, the pool of buffers."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from synfer import _core


@pytest.fixture
def empty_pool() -> Iterator[None]:
    limit = _core.pool_limit()
    _core.set_pool_limit(0)
    _core.set_pool_limit(8 << 20)
    yield
    _core.set_pool_limit(limit)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_torch_and_the_core_share_one_openmp_runtime() -> None:
    program = """
import torch, synfer.simulate
network = synfer.simulate.izhikevich_network(4, 1, 0.4, n_networks=4)
synfer.simulate.run(network, 0.1, n_threads=2)
torch.ones(512, 512) @ torch.ones(512, 512)
paths = {line.split()[-1] for line in open("/proc/self/maps")}
print([path for path in paths if any(name in path for name in ("libgomp", "libomp", "libiomp"))])
"""
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    # scikit-learn's wheel brings one under a name of its own, for its own modules; neither torch nor _core see it.
    ours = [path for path in ast.literal_eval(printed) if "scikit_learn.libs" not in path]
    assert len(ours) == 1, printed
    assert Path(torch.__file__).parent in Path(ours[0]).parents


def test_an_unknown_instruction_level_is_refused() -> None:
    assert _core.instruction_levels()[0] == "baseline"
    assert _core.instruction_level() in _core.instruction_levels()
    with pytest.raises(ValueError, match="avx9000"):
        _core.use_instruction_level("avx9000")


@pytest.mark.parametrize(("asked", "answer"), [("baseline", "baseline"), ("avx9000", "avx9000.*not available")])
def test_the_instruction_level_is_read_from_the_environment(asked: str, answer: str) -> None:
    environment = {**os.environ, "SYNFER_INSTRUCTION_LEVEL": asked}
    # The module by itself: without synfer, whose import takes seconds.
    program = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("_core", {_core.__file__!r})
core = importlib.util.module_from_spec(spec)
spec.loader.exec_module(core)
print(core.instruction_level())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert re.search(answer, done.stdout + done.stderr)
    assert (done.returncode == 0) == (asked == "baseline")


def test_memory_comes_back_once_the_last_view_is_gone(empty_pool: None) -> None:
    array = _core.empty((1 << 19,), np.float32)
    address, view = array.ctypes.data, array[5:9]
    assert address % 64 == 0
    del array
    assert _core.pool_idle_bytes() == 0, "a view still holds the buffer"
    other = _core.empty((1 << 19,), np.float32)
    assert other.ctypes.data != address
    del view
    again = _core.empty((1 << 18, 2), np.uint32)
    assert again.ctypes.data == address


def test_the_pool_keeps_to_its_limit_and_drops_the_oldest(empty_pool: None) -> None:
    arrays = [_core.empty((3 << 20,), np.uint8) for _ in range(4)]
    addresses = [array.ctypes.data for array in arrays]
    while arrays:
        arrays.pop(0)
        assert _core.pool_idle_bytes() <= _core.pool_limit()
    assert _core.pool_idle_bytes() >= 2 * (3 << 20)
    assert _core.empty((3 << 20,), np.uint8).ctypes.data in addresses[2:]
    _core.set_pool_limit(0)
    assert _core.pool_idle_bytes() == 0


def test_a_small_request_does_not_take_a_large_buffer(empty_pool: None) -> None:
    large = _core.empty((4 << 20,), np.uint8)
    address = large.ctypes.data
    del large
    small = _core.empty((1 << 20,), np.uint8)
    assert small.ctypes.data != address
    assert _core.pool_idle_bytes() >= 4 << 20


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(MemoryError):
        _core.empty((2**40, 2**40), np.float64)
    with pytest.raises(ValueError, match="negative"):
        _core.empty((-1,), np.float64)
