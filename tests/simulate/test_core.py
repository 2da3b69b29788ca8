"""What the core itself refuses, for memory safety, whatever Python let through."""

from __future__ import annotations

import threading
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


def simulate(begin: int, end: int, **arguments: Any) -> tuple[int, int, int] | None:
    return _core.Simulation(**arguments).take(begin, end)


def test_the_core_refuses_what_would_not_be_safe() -> None:
    arguments: dict[str, Any] = {
        "model": "izhikevich", "parameters": filled((2, 8, 3)), "state": filled((2, 2, 3)),
        "wiring": WIRING, "ids": filled((2,), np.uint32), "drive": [], "seed": 0, "dt_ms": 1.0,
        "first": 0, "last": 4, "begin": 0, "end": 4, "record": [(1, None, {"v": filled((2, 4, 3))}, False)],
        "record_from": 0, "n_threads": 1, "units_per_thread": 1,
    }  # fmt: skip
    for usable in (WIRING, EDGES, LEARNING, {**EDGES, **LATE}, {**LEARNING, **LATE}):
        assert simulate(**{**arguments, "wiring": usable}) is None
    wrong: dict[str, list] = {
        "parameters": [filled((2, 7, 3)), filled((2, 8)), filled((0, 8, 3)), filled((2, 8, 3), np.int32)],
        "state": [filled((2, 2, 4)), filled((2, 2, 3), np.float64)],
        "wiring": UNSAFE,
        "ids": [filled((3,), np.uint32), filled((2,), np.int64)],
        "drive": [
            [("replayed", None, None, None, array)]
            for array in (None, filled((2, 3, 3)), filled((4, 4)), filled((2, 4, 3), np.float64))
        ] + [
            [("gaussian", None, None, None, None)],
            [("gaussian", filled((2, 2, 3)), None, None, None)],
            [("ornstein_uhlenbeck", np.zeros((2, 4, 3)), filled((2, 2)), None, None)],
            [("shared_ornstein_uhlenbeck", np.zeros((2, 3, 3)), filled((2, 3)), None, None)],
            [("poisson", np.zeros((2, 1, 3)), None, np.zeros((2, 3)), None)],
            [("sine", np.zeros((2, 4, 3)), None, None, None)] * 65,
        ],
        "begin": [-1, 4], "end": [0, 5],
        "n_threads": [0], "units_per_thread": [0],
        "first": [-1, 1, 4], "last": [0, 3], "record_from": [-1, 5],
        "record": [
            *([(1, None, wrong, False)] for wrong in (
                {"v": filled((2, 5, 3))}, {"spikes": filled((2, 4, 3))}, {"v": np.zeros((3, 4, 2), np.float32).T},
            )),
            [(1, None, {"v": filled((2, 5, 3)), "drive": filled((2, 4, 3))}, False)],
            [(1, [0, 2], {"v": filled((2, 4, 3))}, False)], [(0, None, {}, False)],
            [(256, None, {"spikes": filled((2, 0, 3), np.uint8)}, False)],
            *([(1, units, {}, True)] for units in ([], [0, 0], [2, 1], [-1], [3])),
        ],
    }  # fmt: skip
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ValueError, match=r"."):
                simulate(**{**arguments, name: value})
    with pytest.raises(KeyError):
        simulate(**{**arguments, "record": [(1, None, {"w": filled((2, 4, 3))}, False)]})
    with pytest.raises(KeyError):
        simulate(**{**arguments, "drive": [("telepathy", None, None, None, None)]})
    for term in ("drive:0", "drive:-1", "drive:", "drive:x"):  # there are no drives
        with pytest.raises(KeyError):
            simulate(**{**arguments, "record": [(1, None, {term: filled((2, 4, 3))}, False)]})
    with pytest.raises(KeyError):
        simulate(**{**arguments, "model": "hodgkin"})
    with pytest.raises(KeyError):
        simulate(**{**arguments, "wiring": {**WIRING, "synapse": "telepathy"}})


def bound(wiring: dict[str, Any], v: np.ndarray, **more: Any) -> _core.Simulation:
    noise = np.tile(np.array([40.0, 5.0])[None, :, None], (2, 1, 3))
    arguments: dict[str, Any] = {
        "model": "izhikevich", "parameters": np.tile(DEFAULTS[None, :, None], (2, 1, 3)),
        "state": np.tile(np.array([-70.0, -14.0], np.float32)[None, :, None], (2, 1, 3)), "wiring": wiring,
        "ids": np.arange(2, dtype=np.uint32), "drive": [("gaussian", noise, None, None, None)], "seed": 0, "dt_ms": 1.0,
        "first": 0, "last": len(v[0]), "record": [(1, None, {"v": v}, True)], "record_from": 0, "n_threads": 1,
        "units_per_thread": 1,
    }  # fmt: skip
    return _core.Simulation(**arguments | more)


DEFAULTS = np.array([value for _, value, *_ in _core.models()["izhikevich"][0]], np.float32)


@pytest.mark.parametrize("wiring", [EDGES, {**LEARNING, **LATE}])
def test_lists_that_change_after_they_were_looked_at_are_of_no_account(wiring: dict[str, Any]) -> None:
    runs = []
    for meddling in (False, True):
        given = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in wiring.items()}
        given["strengths"][:] = 8.0
        given.update({"stdp": (*LEARNING["stdp"][:5], 9.0)} if "stdp" in wiring else {})
        v = filled((2, 60, 3))
        simulation = bound(given, v)
        simulation.take(0, 20)
        if meddling:
            for name in ("starts", "targets", "delays", "in_starts", "in_edges", "in_sources"):
                if given.get(name) is not None:
                    given[name][:] = np.iinfo(given[name].dtype).max
            given.clear()
        simulation.take(20, 60)
        runs.append((v, *simulation.events(0, True)))
    assert len(runs[0][1]) > 10
    for one, two in zip(*runs, strict=True):
        assert np.array_equal(one, two)


def test_what_the_core_sorts_cannot_be_written_to() -> None:
    starts, targets, strengths, _ = _core.edge_lists(np.array([0, 1]), np.array([1, 0]), np.ones(2), 2, 2, False)
    for array in (starts, targets, *_core.edges_by_target(starts, targets, 2)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7
        for view in (array, array[:1], array.view()):
            with pytest.raises(ValueError, match="WRITEABLE"):
                view.flags.writeable = True
    strengths[0] = 3.0
    for wrong in ((targets, starts, 2), (starts, targets, 1), (starts, targets, 0), (starts[:2], targets, 1)):
        with pytest.raises(ValueError, match=r"."):
            _core.edges_by_target(*wrong)


def test_a_simulation_is_taken_on_by_one_thread_at_a_time() -> None:
    v = filled((2, 1_000_000, 3))
    simulation = bound(WIRING, v)
    thread = threading.Thread(target=simulation.take, args=(0, 1_000_000))
    thread.start()
    refused = 0
    while thread.is_alive():
        for call in (lambda: simulation.take(0, 1), simulation.n_events, lambda: simulation.events(0, True)):
            try:
                call()
            except RuntimeError as error:
                assert "another thread" in str(error)
                refused += 1
        if refused:
            break
    thread.join()
    assert refused
    simulation.take(0, 1)  # it can be used again
    for begin, end in ((-1, 1), (3, 3), (0, 1_000_001)):
        with pytest.raises(ValueError, match="first <= begin"):
            simulation.take(begin, end)
    with pytest.raises(IndexError, match="no spikes"):
        simulation.events(1, True)


def test_spikes_are_given_out_once_and_network_by_network() -> None:
    v = filled((2, 60, 3))
    simulation = bound(WIRING, v)
    simulation.take(0, 30)
    first = simulation.n_events()
    network, step, unit = simulation.events(0, True)
    assert len(network) == len(step) == len(unit) == first > 0
    assert simulation.n_events() == 0
    simulation.take(30, 60)
    none, later, of = simulation.events(0, False)
    assert none is None
    assert later.min() >= 30
    assert len(of) > 0
    order = np.lexsort((unit, step, network))
    assert np.array_equal(order, np.arange(first))
