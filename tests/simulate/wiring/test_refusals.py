"""Bad input to a generator: a typed error that names the argument, before memory is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synfer import simulate
from synfer.errors import InputError, ShapeError
from synfer.simulate import DistanceDelay, LogNormal, UniformDelay

from .conftest import Make

GOOD: dict[str, dict[str, Any]] = {
    "erdos_renyi": {"n_exc": 8, "n_inh": 2, "p": 0.3},
    "fixed_in_degree": {"n_exc": 8, "n_inh": 2, "in_degree": 3},
    "small_world": {"n_exc": 8, "n_inh": 2, "k": 4, "p": 0.3},
    "scale_free": {"n_exc": 8, "n_inh": 2, "m": 2},
    "distance_dependent": {"n_exc": 8, "n_inh": 2, "p_max": 0.3, "length": 0.5},
    "clustered": {"n_exc": 8, "n_inh": 2, "n_clusters": 2, "p_within": 0.5, "p_between": 0.1},
    "by_cell_type": {"n_units": {"a": 3}, "p": [[0.5]], "weight": [[1.0]]},
    "ring_attractor": {"n_units": 10, "r": 1.0},
    "random_positions": {"n_units": 10},
    "clusters_of": {"n_exc": 10, "n_clusters": 3},
    "ring_order": {"n_exc": 8, "n_inh": 2},
}
WRONG: list[tuple[str, str, list, str]] = [
    ("erdos_renyi", "p", [1.2, -0.1, np.nan, "x", None, [0.1]], "p must"),
    ("fixed_in_degree", "in_degree", [-1, 10, 2.5, "all", None], "in_degree must be an integer in 0 to 9"),
    ("fixed_in_degree", "in_degree", [(8, 1), (1, 2), (1.5, 0)], r"in_degree\[[01]\] must be an integer in 0 to [17]"),
    ("fixed_in_degree", "in_degree", [(1, 2, 3), ()], "in_degree must be an integer, or one for each kind"),
    ("small_world", "k", [-2, 10, 2.0], "k must be an integer in 0 to 9"),
    ("small_world", "k", [3], "k must be even"),
    ("small_world", "p", [1.2, None], "p must"),
    ("scale_free", "m", [0, 10, 1.5], "m must be an integer in 1 to 9"),
    ("distance_dependent", "p_max", [-0.1, 2, None], "p_max must"),
    ("distance_dependent", "length", [0.0, -1, np.inf, "a"], "length must be"),
    ("distance_dependent", "side", [0.0, -1, np.nan], "side must be"),
    ("distance_dependent", "profile", ["step", None, 3, np.zeros(2)], "profile must be one of 'exponential'"),
    ("distance_dependent", "periodic", ["yes", None, 1], "periodic must be True or False"),
    ("distance_dependent", "n_dims", [0, 4, 1.5], "n_dims must be an integer in 1 to 3"),
    ("distance_dependent", "positions", [np.full((10, 2), np.nan)], "positions must be finite"),
    ("distance_dependent", "positions", ["here"], "positions must be an array of numbers"),
    ("clustered", "n_clusters", [0, 9, 2.5], "n_clusters must be an integer in 1 to 8"),
    ("clustered", "p_within", [-0.1, 2], "p_within must"),
    ("clustered", "p_between", [-0.1, 2], "p_between must"),
    ("clustered", "p_inh", [-0.1, 2], "p_inh must"),
    ("clustered", "weight_ratio", [-0.1, np.nan], "weight_ratio must"),
    ("by_cell_type", "n_units", [{}, [3], {3: 4}, None], "n_units must be a dict of cell type"),
    ("by_cell_type", "n_units", [{"a": 0}, {"a": 1.5}], r"n_units\['a'\] must be an integer"),
    ("by_cell_type", "n_units", [{"a": 2**31}], r"n_units\['a'\] must be an integer"),
    ("by_cell_type", "p", [[[1.5]], [[-1]]], "p must hold probabilities"),
    ("by_cell_type", "p", [[[np.nan]]], "p must be finite"),
    ("by_cell_type", "p", ["a", [["b"]]], "p must be an array of numbers"),
    ("by_cell_type", "weight", [[[np.inf]]], "weight must be finite"),
    ("by_cell_type", "weight", [[[1.0], [2.0, 3.0]]], "weight must be an array, or lists"),
    ("by_cell_type", "weight_cv", [-1, np.nan, "a"], "weight_cv must"),
    ("by_cell_type", "dale", ["no", None], "dale must be True or False"),
    ("ring_attractor", "n_units", [0, 1.5, None], "n_units must be an integer"),
    ("ring_attractor", "r", [-1, np.nan, None], "r must"),
    ("ring_attractor", "a", [-1, np.inf], "a must"),
    ("ring_attractor", "sigma", [7.0, (7.0,), [6.0, 7.0]], "sigma must be two widths"),
    ("ring_attractor", "sigma", [(0.0, 7.0), (7.0, -1)], r"sigma\[[01]\] must be positive"),
    ("random_positions", "side", [0, np.nan], "side must"),
    ("random_positions", "n_units", [0, 10**10], "n_units must be an integer"),
    ("clusters_of", "n_clusters", [0, 11], "n_clusters must be an integer in 1 to 10"),
    ("ring_order", "n_exc", [-1, None], "n_exc must be an integer"),
]
CASES = [
    pytest.param(name, {argument: value}, words, id=f"{name} {argument} {k}")
    for name, argument, values, words in WRONG
    for k, value in enumerate(values)
]


@pytest.mark.parametrize("name", GOOD)
def test_the_good_arguments_are_taken(name: str) -> None:
    getattr(simulate, name)(**GOOD[name])


@pytest.mark.parametrize(("name", "given", "words"), CASES)
def test_bad_arguments_are_refused_by_name(name: str, given: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        getattr(simulate, name)(**{**GOOD[name], **given})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weight": -1.0}, "weight must be a magnitude"), ({"weight": np.nan}, "weight must be a finite"),
        ({"weight": "a"}, "weight must be a finite"), ({"weight_inh": -1}, "weight_inh must be a magnitude"),
        ({"delay": 0.0}, "delay must be positive"), ({"delay": "1 ms"}, "delay must be a finite number"),
        ({"n_networks": 0}, "n_networks"), ({"n_networks": 2.5}, "n_networks"),
        ({"seed": -1}, "seed"), ({"seed": 2**64}, "seed"), ({"seed": 0.5}, "seed"),
        ({"layout": "sparse"}, "layout must be"), ({"layout": 3}, "layout must be"),
        ({"n_networks": 10**9}, r"would need [\d,.]+ GB of memory and [\d,.]+ GB are available"),
    ],
)  # fmt: skip
def test_what_all_take_is_checked_by_all(make: Make, given: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make(**given)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        *((name, {"n_exc": -1}, "n_exc must be an integer in 0 to 2147483647") for name in list(GOOD)[:6]),
        *((name, {"n_inh": 1.5}, "n_inh must be an integer") for name in list(GOOD)[:6]),
        *((name, {"n_exc": 0, "n_inh": 0}, "there are no units") for name in list(GOOD)[:6]),
        *(
            (name, {"self_connections": "no"}, "self_connections must be True or False")
            for name in GOOD
            if name not in ("small_world", "scale_free", "random_positions", "clusters_of", "ring_order")
        ),
    ],
)
def test_sizes_and_flags_are_checked(name: str, given: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        getattr(simulate, name)(**{**GOOD[name], **given})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("erdos_renyi", {"n_exc": 10**9, "n_inh": 10**9}), ("erdos_renyi", {"n_exc": 10**5, "layout": "matrix"}),
        ("fixed_in_degree", {"n_exc": 10**9, "in_degree": 1000}), ("small_world", {"n_exc": 10**9, "k": 1000}),
        ("scale_free", {"n_exc": 10**9, "m": 1000}), ("distance_dependent", {"n_exc": 2 * 10**9}),
        ("distance_dependent", {"n_exc": 10**6, "length": 100.0}), ("clustered", {"n_exc": 10**9}),
        ("by_cell_type", {"n_units": {"a": 2 * 10**9}}), ("ring_attractor", {"n_units": 10**9}),
        ("random_positions", {"n_units": 2 * 10**9, "n_dims": 3}),
    ],
)  # fmt: skip
def test_more_than_memory_is_refused_with_the_number(name: str, given: dict) -> None:
    with pytest.raises(InputError, match=r"the (wiring|positions) would need [\d,.]+ GB of memory"):
        getattr(simulate, name)(**{**GOOD[name], **given})


def test_positions_of_another_shape_are_refused() -> None:
    good = GOOD["distance_dependent"]
    for shape in ((9, 2), (10,), (10, 0), (10, 4), (2, 10, 2)):
        with pytest.raises(ShapeError, match=r"positions must have shape \(unit, dim\) = \(10, 1 to 3\); got"):
            simulate.distance_dependent(**good, positions=np.zeros(shape))
    with pytest.raises(ShapeError, match=r"\(network, unit, dim\) = \(3, 10, 1 to 3\)"):
        simulate.distance_dependent(**good, positions=np.zeros((2, 10, 2)), n_networks=3)
    with pytest.raises(InputError, match=r"positions must lie in \[0, side\) = \[0, 1\)"):
        simulate.distance_dependent(**good, positions=np.full((10, 2), 1.0), periodic=True)


def test_a_table_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"p must have shape \(target type, source type\) = \(1, 1\); got \(1, 2\)"):
        simulate.by_cell_type({"a": 3}, [[0.5, 0.5]], [[1.0]])


def test_one_unit_has_nothing_to_join() -> None:
    with pytest.raises(InputError, match="must be at least 2"):
        simulate.scale_free(1, 0, 1)


def test_delay_by_distance_needs_positions(make: Make) -> None:
    if make(delay=None).method != "distance_dependent":
        with pytest.raises(InputError, match="delay by distance needs positions"):
            make(delay=DistanceDelay(1.0))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LogNormal(0.0, 1.0), "mean of LogNormal must be positive"),
        (lambda: LogNormal(1.0, 0.0), "std of LogNormal must be positive"),
        (lambda: LogNormal("a", 1.0), "mean must be a finite number"),
        (lambda: UniformDelay(0.0, 1.0), "low and high"), (lambda: UniformDelay(2.0, 1.0), "low and high"),
        (lambda: UniformDelay(1.0, 2.0, step=0.0), "step of UniformDelay must be positive"),
        (lambda: UniformDelay(1.0, 2.0, step="a"), "step must be a finite number"),
        (lambda: UniformDelay(1.1e-4, 1.9e-4), "a multiple of step = 0.0001 s must lie between"),
        (lambda: UniformDelay(1.0, np.inf), "high must be a finite"), (lambda: DistanceDelay(0.0), "velocity"),
        (lambda: DistanceDelay(1.0, step=-1.0), "step of DistanceDelay must be positive"),
        (lambda: DistanceDelay(1.0, -1.0), "offset"), (lambda: DistanceDelay(None), "velocity must be a finite"),
    ],
)  # fmt: skip
def test_distributions_check_their_numbers(make, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
