"""Random inputs of attention, laid out as the forecasters lay them out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from synfer import _core

sys.path.insert(0, str(Path(__file__).parents[1] / "simulate"))
from emulation import build


@pytest.fixture(scope="session")
def emulated_core(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Attention's CUDA kernels, compiled for the host."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    return build(tmp_path_factory.mktemp("emulation"), "emulated_attention")


@pytest.fixture(params=_core.instruction_levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once with every build of the kernels that this machine can run."""
    before = _core.instruction_level()
    _core.use_instruction_level(request.param)
    yield request.param
    _core.use_instruction_level(before)


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Set torch's threads for the test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def heads() -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
    """Make q, k, v as views (B, H, ., D) of tensors (B, ., H, D)."""

    def make(
        b: int, h: int, targets: int, keys: int, d: int, e: int | None = None, *, seed: int = 0, dtype=torch.float32
    ) -> tuple[Tensor, Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        shapes = ((targets, d), (keys, d), (keys, d if e is None else e))
        q, k, v = (torch.randn(b, t, h, c, generator=generator, dtype=dtype).transpose(1, 2) for t, c in shapes)
        return q, k, v

    return make
