"""What the core itself refuses, for memory safety, whatever Python let through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synfer import _core


def filled(shape: tuple, dtype: Any = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


WIRING: dict[str, Any] = {
    "weights": filled((2, 3, 3)), "synapse": "delta", "tau_ms": (1.0, 1.0), "reversal": (0.0, 0.0), "shortest": 1,
    "longest": 1, "fresh": True, "synapse_state": filled((2, 1, 3)),
}  # fmt: skip
EDGES = {
    **WIRING, "weights": None, "starts": np.array([0, 2, 2, 2, 3, 3, 3]), "targets": np.array([0, 2, 1], np.uint32),
    "strengths": filled((3,)), "delays": None,
}  # fmt: skip
LEARNING = {
    **EDGES, "stdp": (0.1, 0.1, 20.0, 20.0, 0.0, 1.0), "traces": filled((2, 2, 3)),
    "in_starts": np.array([0, 1, 1, 2, 2, 3, 3]), "in_edges": np.array([0, 1, 2]),
    "in_sources": np.array([0, 0, 0], np.uint32),
}  # fmt: skip
LATE = {"shortest": 1, "longest": 4, "pending": filled((2, 4, 3)), "delays": np.array([1, 4, 2], np.uint16)}
UNSAFE: list[dict[str, Any]] = [
    {**WIRING, "weights": filled((3, 3))}, {**WIRING, "weights": filled((2, 3, 6))[:, :, ::2]},
    {**WIRING, "synapse_state": filled((2, 2, 3))}, {**WIRING, "longest": 2}, {**WIRING, "shortest": 0},
    {**WIRING, "longest": 0}, {**WIRING, "shortest": 70000, "longest": 70000},
    {**WIRING, "shortest": 2, "longest": 2}, {**WIRING, "synapse": "exponential"}, {**WIRING, "weights": None},
    {**WIRING, "short_term": (0.5, 1.0, 1.0)},
    {**WIRING, "short_term": (0.5, 1.0, 1.0), "releases": filled((2, 3, 3))},
    {**WIRING, "stdp": LEARNING["stdp"], "traces": LEARNING["traces"]},
    {**EDGES, "starts": np.array([0, 2, 2, 2, 3, 3])}, {**EDGES, "starts": np.array([0, 2, 1, 2, 3, 3, 3])},
    {**EDGES, "starts": np.array([1, 2, 2, 2, 3, 3, 3])}, {**EDGES, "starts": np.array([0, 2, 2, 2, 3, 3, 4])},
    {**EDGES, "targets": np.array([0, 3, 1], np.uint32)}, {**EDGES, "targets": np.array([2, 0, 1], np.uint32)},
    {**EDGES, "targets": np.array([0, 2, 1])}, {**EDGES, "strengths": filled((4,))},
    {**EDGES, "strengths": np.zeros(3)}, {**EDGES, **LATE, "delays": np.array([1, 5, 2], np.uint16)},
    {**EDGES, **LATE, "delays": np.array([0, 4, 2], np.uint16)}, {**EDGES, **LATE, "delays": None},
    {**EDGES, **LATE, "pending": filled((2, 3, 3))}, {**WIRING, **LATE},
    {**LEARNING, "in_edges": np.array([0, 1, 3])}, {**LEARNING, "in_edges": np.array([1, 0, 2])},
    {**LEARNING, "in_sources": np.array([0, 3, 0], np.uint32)}, {**LEARNING, "traces": filled((2, 3))},
    {**LEARNING, "in_starts": np.array([0, 1, 1, 2, 2, 3])},
]  # fmt: skip


def test_the_core_refuses_what_would_not_be_safe() -> None:
    arguments: dict[str, Any] = {
        "model": "izhikevich", "parameters": filled((2, 8, 3)), "state": filled((2, 2, 3)),
        "wiring": WIRING, "ids": filled((2,), np.uint32), "drive": [], "seed": 0, "dt_ms": 1.0,
        "first": 0, "last": 4, "begin": 0, "end": 4, "record": {"v": filled((2, 4, 3))}, "record_from": 0,
        "every": 1, "raster": None, "n_threads": 1, "units_per_thread": 1,
    }  # fmt: skip
    for usable in (WIRING, EDGES, LEARNING, {**EDGES, **LATE}, {**LEARNING, **LATE}):
        assert _core.simulate(**{**arguments, "wiring": usable}) is None
    wrong: dict[str, list] = {
        "parameters": [filled((2, 7, 3)), filled((2, 8)), filled((0, 8, 3)), filled((2, 8, 3), np.int32)],
        "state": [filled((2, 2, 4)), filled((2, 2, 3), np.float64)],
        "wiring": UNSAFE,
        "ids": [filled((3,), np.uint32), filled((2,), np.int64)],
        "drive": [
            [("replayed", None, None, None, array, None)]
            for array in (None, filled((2, 3, 3)), filled((4, 4)), filled((2, 4, 3), np.float64))
        ] + [
            [("gaussian", None, None, None, None, None)],
            [("gaussian", filled((2, 2, 3)), None, None, None, None)],
            [("ornstein_uhlenbeck", np.zeros((2, 4, 3)), filled((2, 2)), None, None, None)],
            [("shared_ornstein_uhlenbeck", np.zeros((2, 3, 3)), filled((2, 3)), None, None, None)],
            [("poisson", np.zeros((2, 1, 3)), None, np.zeros((2, 3)), None, None)],
            [("sine", np.zeros((2, 4, 3)), None, None, None, None)] * 65,
            [("sine", np.zeros((2, 4, 3)), None, None, None, filled((2, 3, 3)))],
        ],
        "begin": [-1, 4], "end": [0, 5],
        "n_threads": [0], "units_per_thread": [0],
        "first": [-1, 1], "record_from": [-1, 5], "every": [0],
        "raster": [filled((2, 3, 3), np.uint8), filled((2, 4, 3))],
        "record": [{"v": filled((2, 5, 3))}, {"spikes": filled((2, 4, 3))}, {"v": np.zeros((3, 4, 2), np.float32).T}],
    }  # fmt: skip
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ValueError, match=r"."):
                _core.simulate(**{**arguments, name: value})
    with pytest.raises(KeyError):
        _core.simulate(**{**arguments, "record": {"w": filled((2, 4, 3))}})
    with pytest.raises(KeyError):
        _core.simulate(**{**arguments, "drive": [("telepathy", None, None, None, None, None)]})
    for wrong_bytes in (filled((2, 3)), filled((2, 3, 4)), filled((2, 3, 4), np.uint8)[:, :, ::2]):
        with pytest.raises(ValueError, match=r"."):
            _core.nonzero_bytes(wrong_bytes)
    with pytest.raises(KeyError):
        _core.simulate(**{**arguments, "model": "hodgkin"})
    with pytest.raises(KeyError):
        _core.simulate(**{**arguments, "wiring": {**WIRING, "synapse": "telepathy"}})
