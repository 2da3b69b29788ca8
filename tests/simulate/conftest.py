"""What the simulator's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch  # noqa: F401

from synfer import _core


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Puts each instruction level in force in turn."""
    if request.param not in _core.instruction_levels():
        pytest.skip(f"this build or processor has no {request.param}")
    before = _core.instruction_level()
    _core.use_instruction_level(request.param)
    yield request.param
    _core.use_instruction_level(before)
