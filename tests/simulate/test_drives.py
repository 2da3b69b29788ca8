"""Drives as they act: against the twin, their statistics, and to the bit for threads, cuts and pieces of a run."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.connectome import Connectome
from synfer.errors import InputError, StepWarning
from synfer.network import (
    Drive,
    GaussianDrive,
    Network,
    OrnsteinUhlenbeckDrive,
    PoissonDrive,
    SharedDrive,
    SineDrive,
    StepDrive,
    WhiteNoiseDrive,
)
from synfer.simulate import memory, run
from synfer.simulate.drives import poisson_thresholds, terms_of
from synfer.simulate.reference_drive import drive_reference

N = 13
# Neurons that do nothing but add up what drives them: finite whatever the step.
STILL = {"a": 0.0, "b": 0.0, "d": 0.0, "quadratic": 0.0, "linear": 0.0, "constant": 0.0}
rng = np.random.default_rng(0)
ALL: list[Drive] = [
    SineDrive(rng.normal(size=N), rng.uniform(0, 3000, N), rng.uniform(-9, 9, N), 0.3),
    GaussianDrive(rng.normal(size=N), 2.0),
    OrnsteinUhlenbeckDrive(1.0, rng.uniform(1, 2, N), rng.uniform(0, 0.05, N)),
    PoissonDrive(rng.uniform(0, 3000, N), rng.normal(size=N)),
    StepDrive(rng.normal(size=N), 0.01, rng.uniform(0, 0.2, N)),
    SharedDrive(rng.normal(size=N)),
    SharedDrive(rng.normal(size=N), tau=0.01),
    WhiteNoiseDrive(rng.normal(size=N), rng.uniform(0, 0.1, N)),
]


def silent(drive: object, n_networks: int | None = None, n_units: int = N, ids: object = None) -> Network:
    shape = (n_units, n_units) if n_networks is None else (n_networks, n_units, n_units)
    return Network("izhikevich", STILL, Connectome.from_weights(np.zeros(shape)), drive=drive, ids=ids)


def acting(network: Network, duration: float, **more: object) -> np.ndarray:
    return run(network, duration, record="drive", **{"dtype": "float64", **more})["drive"]  # type: ignore[arg-type]


@pytest.mark.parametrize("drive", [*([one] for one in ALL), ALL, list(reversed(ALL)), []])
def test_agree_with_the_twin(level: str, drive: list) -> None:
    network = silent(drive, ids=[5])
    np.testing.assert_allclose(acting(network, 0.2, seed=2**40), drive_reference(network, drive, 200, 1e-3, 2**40),
                               rtol=1e-9, atol=1e-7)  # fmt: skip
    single = acting(network, 0.2, seed=2**40, dtype="float32")
    np.testing.assert_allclose(single, acting(network, 0.2, seed=2**40), rtol=1e-4, atol=1e-4)


def test_arrays_add_to_what_is_drawn() -> None:
    array = rng.normal(size=(50, N))
    total = acting(silent(None), 0.05, drive=[array, ALL[1], array])
    np.testing.assert_allclose(total, 2 * array + drive_reference(silent(None), [array, ALL[1]], 50, 1e-3, 0) - array,
                               atol=1e-9)  # fmt: skip
    assert np.array_equal(acting(silent(ALL[1]), 0.05, drive=[array]), array)
    assert not acting(silent(ALL[1]), 0.05, drive=[]).any()
    assert np.array_equal(acting(silent(ALL[1]), 0.05, drive=array.tolist()), array)
    batch = acting(silent(None, 2), 0.05, drive=np.stack([array, -array]).tolist())
    assert np.array_equal(batch, [array, -array])


@settings(max_examples=25, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(range(len(ALL))), max_size=4), n_networks=st.integers(1, 7),
    n_units=st.integers(1, N), cuts=st.lists(st.integers(1, 99), max_size=3, unique=True),
    n_threads=st.integers(1, 3), dtype=st.sampled_from(["float32", "float64"]), seed=st.integers(0, 2**64 - 1),
)  # fmt: skip
def test_threads_batches_and_pieces_change_no_bit(
    kinds: list, n_networks: int, n_units: int, cuts: list, n_threads: int, dtype: str, seed: int
) -> None:
    drive = [
        type(ALL[k])(**{name: value[:n_units] if np.ndim(value) else value for name, value in ALL[k].fields().items()})
        for k in kinds
    ]
    network = silent(drive, n_networks, n_units)
    whole = acting(network, 0.1, dtype=dtype, seed=seed, n_threads=n_threads)
    for k in {0, n_networks - 1}:
        assert np.array_equal(acting(network.isel(network=k), 0.1, dtype=dtype, seed=seed), whole[k])
    pieces, state = [], None
    for begin, end in itertools.pairwise([0, *sorted(cuts), 100]):
        piece = run(network, (end - begin) * 1e-3, record=("drive", "v"), initial_state=state, dtype=dtype,
                    seed=seed if state is None else None)  # fmt: skip
        state = piece.final_state
        pieces.append(piece["drive"])
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)


def test_terms_draw_numbers_of_their_own() -> None:
    one, two = GaussianDrive(0, 1), GaussianDrive(0, 1)
    single, both = acting(silent(one), 20.0), acting(silent([one, two]), 20.0)
    other = both - single
    assert abs(np.corrcoef(single.ravel(), other.ravel())[0, 1]) < 4 / np.sqrt(single.size)
    assert abs(other.var() - 1) < 4 * np.sqrt(2 / other.size)


def test_an_ornstein_uhlenbeck_drive_is_stationary_with_its_variance_and_correlation() -> None:
    deviation, tau = 1.7, 0.02
    network = silent(OrnsteinUhlenbeckDrive(3.0, deviation, tau), 400, 10)
    x = acting(network, 0.2)  # 4,000 units, independent
    n = 4000
    for k in (0, 1, 50, 199):  # from the first step on
        at = x[:, k].ravel()
        assert abs(at.mean() - 3) < 4.5 * deviation / np.sqrt(n)
        assert abs(at.var() - deviation**2) < 4.5 * deviation**2 * np.sqrt(2 / n)
    for lag in (1, 10, 20, 60):
        a, b = x[:, 100].ravel() - 3, x[:, 100 + lag].ravel() - 3
        expected = np.exp(-lag * 1e-3 / tau)
        assert abs((a * b).mean() / deviation**2 - expected) < 4.5 * np.sqrt((1 + expected**2) / n)
    assert scipy.stats.kstest(x[:, 150].ravel(), "norm", args=(3, deviation)).pvalue > 1e-3


def test_the_step_size_does_not_change_an_ornstein_uhlenbeck_process() -> None:
    coarse = acting(silent(OrnsteinUhlenbeckDrive(0, 1, 0.01), 50), 2.0, dt=1e-2)
    fine = acting(silent(OrnsteinUhlenbeckDrive(0, 1, 0.01), 50), 2.0, dt=1e-3)[:, 9::10]
    for x in (coarse, fine):
        a, b = x[:, :-1].ravel(), x[:, 1:].ravel()
        assert abs(np.corrcoef(a, b)[0, 1] - np.exp(-1)) < 4.5 / np.sqrt(a.size)


@pytest.mark.parametrize("expected", [0.002, 0.3, 5.0, 99.0])
def test_poisson_counts_have_their_distribution(expected: float) -> None:
    counts = acting(silent(PoissonDrive(expected / 1e-3, 2.0), 20, 100), 1.0).ravel() / 2
    assert np.array_equal(counts, np.round(counts))
    n = counts.size
    assert abs(counts.mean() - expected) < 4.5 * np.sqrt(expected / n)
    assert abs(counts.var() - expected) < 4.5 * np.sqrt((expected + 2 * expected**2) / n)
    values, seen = np.unique(counts, return_counts=True)
    wanted = scipy.stats.poisson.pmf(values, expected) * n
    common = wanted > 20
    chi2 = ((seen - wanted)[common] ** 2 / wanted[common]).sum()
    assert scipy.stats.chi2.sf(chi2, common.sum()) > 1e-4


def test_phases_reach_the_core_as_few_turns() -> None:
    """More than its integers hold would be undefined there."""
    phases = np.array([-9.0, 4e6, 1e17, -1e300])
    drive = SineDrive(1.0, 500.0, phases)
    (term,) = terms_of(drive, silent(drive, n_units=4), 1e-3, 10, np.dtype(np.float32))
    assert term.parameters is not None
    assert np.array_equal(term.parameters[0, 3, :2], phases[:2] / (2 * np.pi))  # as they are
    assert np.all(np.abs(term.parameters[0, 3, 2:]) <= 1)
    assert np.abs(acting(silent(drive, n_units=4), 0.01)).max() <= 1


@pytest.mark.parametrize("n_networks", [None, 3])
def test_units_of_one_rate_share_one_table_and_draw_what_they_drew(level: str, n_networks: int | None) -> None:
    """A table for each unit would be 700 MB of a million units that expect 100 events."""
    assert poisson_thresholds(np.full((3, 50), 90.0)).shape[::2] == (1, 1)
    weight = rng.normal(size=N)
    one, nearly = 4000.0, np.full(N, 4000.0)
    nearly[-1] += 1e-9  # a table for each
    assert poisson_thresholds(nearly[None] * 1e-3).shape[::2] == (1, N)
    for dtype in ("float32", "float64"):
        alike, apart = (acting(silent(PoissonDrive(r, weight), n_networks), 0.3, dtype=dtype) for r in (one, nearly))
        assert np.array_equal(alike, apart)
    if n_networks is None:
        network = silent(PoissonDrive(one, weight))
        np.testing.assert_allclose(
            acting(network, 0.2), drive_reference(network, [PoissonDrive(one, weight)], 200, 1e-3, 0), atol=1e-9
        )


def test_tables_beyond_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 120_000_000)
    rates = np.linspace(50, 100, 60_000)[None]
    with pytest.raises(InputError, match=r"table of a PoissonDrive would need 0\.2 GB .*give all units one rate"):
        poisson_thresholds(rates)
    assert poisson_thresholds(np.full_like(rates, 90.0)).size < 200


@pytest.mark.parametrize("drive", [OrnsteinUhlenbeckDrive(0, 1, 4.0), SharedDrive(1.0, tau=4.0)])
def test_a_memory_too_long_for_float32_is_warned_of(drive: Drive) -> None:
    """Its decay in a step, rounded, is another: in the end its variance would be .84."""
    words = r"tau = 4 s .* 1e\+07 steps .*float32: .*variance .* off by {}%.*'float64'"
    with pytest.warns(StepWarning, match=words.format(3)):
        run(silent(drive, n_units=1), 0.4, 4e-7, record="drive", every=10**6)
    with pytest.warns(StepWarning, match=words.format(16)):
        terms_of(drive, silent(drive), 4e-7, 10**9, np.dtype(np.float32))
    # no warning, which would be an error here
    run(silent(drive, n_units=1), 0.01, 4e-7, record="drive")
    run(silent(drive, n_units=1), 0.4, 4e-7, record="drive", every=10**6, dtype="float64")
    run(silent(OrnsteinUhlenbeckDrive(0, 1, [0.0, 1.0]), n_units=2), 1.0, 1e-4)


def test_a_simulation_in_pieces_is_warned_of_as_one_run_is() -> None:
    """Each piece is short enough for its own variance to stay what it was."""
    network = silent(OrnsteinUhlenbeckDrive(0, 1, 4.0), n_units=1)
    pieces = {"dt": 4e-7, "record": "drive", "every": 10**5}
    first = run(network, 0.08, **pieces)
    with pytest.warns(StepWarning, match="variance comes to be off by 2%"):
        run(network, 0.08, **pieces, initial_state=dataclasses.replace(first.final_state, step=5 * 10**5))


def test_a_shared_drive_is_one_for_the_units_that_feel_it_and_another_for_each_network() -> None:
    strength = np.array([1.0, -2.0, 0.0, 0.5])
    for tau in (0.0, 0.05):
        x = acting(silent(SharedDrive(strength, tau=tau), 300, 4), 0.1)
        np.testing.assert_allclose(x, x[..., :1] * strength, atol=1e-12)
        y = x[..., 0]
        assert abs(y[:, 60].var() - 1) < 4.5 * np.sqrt(2 / 300)
        assert abs(np.corrcoef(y[:-1, 60], y[1:, 60])[0, 1]) < 4.5 / np.sqrt(299)
        expected = np.exp(-1e-3 / tau) if tau else 0.0
        assert abs((y[:, 1:] * y[:, :-1]).mean() - expected) < 0.15


def test_waves_and_steps_are_where_the_clock_says() -> None:
    x = acting(silent([StepDrive(2.0, 0.05, 0.08), SineDrive(1.0, 10.0, np.pi / 2)]), 0.2)[:, 0]
    t = np.arange(200) * 1e-3
    np.testing.assert_allclose(x, 2.0 * ((np.arange(200) >= 50) & (np.arange(200) < 80)) + np.cos(2 * np.pi * 10 * t),
                               atol=1e-8)  # fmt: skip
    late = acting(silent(SineDrive(1.0, 7.0)), 0.01, warmup=3600.0, dt=1e-2, n_threads=1)[0, 0]
    assert abs(late - np.sin(2 * np.pi * 7.0 * 3600.0)) < 1e-5
