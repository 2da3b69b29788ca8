"""What the compiled core refuses of units without spikes: whatever would not be safe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch  # noqa: F401

from synfer import _core


def filled(shape: tuple, dtype: Any = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


def sparse(starts: Any, sources: Any, values: np.ndarray) -> tuple:
    return None, np.array(starts, np.int64), np.array(sources, np.int32), values


def test_the_core_refuses_what_would_not_be_safe() -> None:
    ones = np.ones((2, 4, 5), np.float32)
    arguments: dict[str, Any] = {
        "model": "leaky_tanh", "parameters": ones, "state": filled((2, 1, 5)),
        "coupling": (filled((2, 1, 5, 5)), None, None, None), "ids": filled((2,), np.uint32), "drive": [], "seed": 0,
        "dt": 1e-3, "first": 0, "last": 4, "begin": 0, "end": 4, "record": [(1, None, {"x": filled((2, 4, 5))}, False)],
        "record_from": 0, "n_threads": 1,
    }  # fmt: skip
    assert _core.simulate_rates(**arguments) is None
    entries = sparse([[0, 1, 1, 2, 2, 3], [3, 3, 3, 3, 3, 3]], [0, 4, 1], filled((3,)))
    assert _core.simulate_rates(**{**arguments, "coupling": entries}) is None
    wrong: dict[str, list] = {
        "parameters": [filled((2, 3, 5)), filled((2, 5)), filled((0, 4, 5)), filled((2, 4, 5), np.int32)],
        "state": [filled(shape) for shape in ((2, 1, 4), (2, 2, 5), (2, 0, 5), (2, 5))] + [filled((2, 1, 5), float)],
        "coupling": [
            (None, None, None, None),
            (filled((2, 5, 5)), None, None, None),
            (filled((2, 1, 5, 5), np.float64), None, None, None),
            (None, entries[1], entries[2], None),
            sparse([[0, 1, 1, 2, 2, 3], [3, 3, 3, 3, 3, 4]], [0, 4, 1], filled((3,))),
            sparse([[0, 1, 1, 2, 2, 3], [2, 3, 3, 3, 3, 3]], [0, 4, 1], filled((3,))),
            sparse([[-1, 1, 1, 2, 2, 3], [3, 3, 3, 3, 3, 3]], [0, 4, 1], filled((3,))),
            sparse([[0, 1, 1, 2, 2, 3], [3, 3, 3, 3, 3, 3]], [0, 5, 1], filled((3,))),
            sparse([[0, 1, 1, 2, 2, 3], [3, 3, 3, 3, 3, 3]], [0, -1, 1], filled((3,))),
            sparse([[0, 1, 1, 2, 2, 3]], [0, 4, 1], filled((3,))),
            sparse([[0, 1, 1, 2, 2, 3], [3, 3, 3, 3, 3, 3]], [0, 4, 1], filled((2,))),
        ],
        "ids": [filled((3,), np.uint32), filled((2,), np.int64)],
        "drive": [[("replayed", None, None, None, filled((2, 3, 5)))], [("gaussian", None, None, None, None)]],
        "begin": [-1, 4], "end": [0, 5], "n_threads": [0], "first": [-1, 1], "record_from": [-1, 5],
        "record": [
            [(1, None, {"x": filled((2, 5, 5))}, False)], [(1, None, {"x": filled((2, 4, 5), np.float64)}, False)],
            [(0, None, {}, False)], [(1, [1, 5], {}, False)], [(1, [1, 3], {"x": filled((2, 4, 5))}, False)],
        ],
    }  # fmt: skip
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ValueError, match=r"."):
                _core.simulate_rates(**{**arguments, name: value})
    for name, value in (
        ("model", "leaky"), ("record", [(1, None, {"v": filled((2, 4, 5))}, False)]), ("record", [(1, None, {}, True)]),
        ("record", [(1, None, {"spikes": filled((2, 4, 5), np.uint8)}, False)]),
    ):  # fmt: skip
        with pytest.raises(KeyError):
            _core.simulate_rates(**{**arguments, name: value})
    lagged = {"model": "var", "parameters": ones[:, :3].copy(), "state": filled((2, 64, 5))}
    weights = (filled((2, 64, 5, 5)), None, None, None)
    assert _core.simulate_rates(**{**arguments, **lagged, "coupling": weights}) is None
    lagged["state"], weights = filled((2, 65, 5)), (filled((2, 65, 5, 5)), None, None, None)
    with pytest.raises(ValueError, match="lags"):
        _core.simulate_rates(**{**arguments, **lagged, "coupling": weights})
    with pytest.raises(ValueError, match="four units"):
        _core.simulate_rates(
            **{**arguments, "model": "lorenz96", "parameters": filled((2, 2, 3)), "state": filled((2, 1, 3)),
               "record": []}
        )  # fmt: skip
