"""Oracle: Brian2 on networks of Izhikevich neurons: step for step while chaos allows it, then in distribution.

Where Brian2 runs: see test_brian.py.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import scipy.stats

from synfer.network import Network
from synfer.simulate import izhikevich_network, run

NETWORK = izhikevich_network(40, 10, 0.3, seed=3)


def brian(python: str, folder: Path, drive: np.ndarray, v: np.ndarray, u: np.ndarray) -> dict[str, np.ndarray]:
    """What brian_izhikevich.py gives."""
    parameters = {name: np.broadcast_to(NETWORK.parameters[name], NETWORK.n_units) for name in "abcd"}
    weights = NETWORK.connectome.weight.values
    np.savez(folder / "in.npz", weights=weights, drive=drive, v=v, u=u, **parameters)
    script = Path(__file__).parent / "brian_izhikevich.py"
    done = subprocess.run([python, script, folder / "in.npz", folder / "out.npz"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(np.load(folder / "out.npz"))


def drawn(n_steps: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(5, np.sqrt(5), (n_steps, NETWORK.n_units))


def at_rest() -> dict[str, np.ndarray]:
    v = np.full(NETWORK.n_units, -65.0)
    return {"v": v, "u": NETWORK.parameters["b"] * v}


def test_50_ms_are_the_same(tmp_path: Path, brian_python: str) -> None:
    drive = drawn(50, 0)
    theirs = brian(brian_python, tmp_path, drive, **at_rest())
    ours = run(NETWORK, 0.05, drive=drive, record=("v", "u", "spikes"), dtype="float64")
    assert ours["spikes"].sum() > 30
    np.testing.assert_allclose(ours["v"], theirs["v"], rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(ours["u"], theirs["u"], rtol=1e-9, atol=1e-7)
    # Brian2 sees the spike of a sample in the step after it.
    step, unit = np.nonzero(ours["spikes"][:-1])
    assert sorted(zip(step + 1, unit, strict=True)) == sorted(zip(theirs["step"], theirs["unit"], strict=True))


def test_every_step_from_our_states_is_theirs(tmp_path: Path, brian_python: str) -> None:
    drive = drawn(1000, 1)
    ours = run(NETWORK, 1.0, drive=drive, record=("v", "u", "spikes"), dtype="float64")
    before = {name: np.concatenate([at_rest()[name][None], ours[name][:-1]]) for name in ("v", "u")}
    theirs = brian(brian_python, tmp_path, drive, **before)
    assert ours["spikes"].sum() > 1000
    np.testing.assert_allclose(theirs["v"], ours["v"], rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(theirs["u"], ours["u"], rtol=1e-10, atol=1e-9)


def test_rates_and_intervals_are_distributed_alike(tmp_path: Path, brian_python: str) -> None:
    """Each with noise of its own: nothing but the distributions can agree."""
    n_steps = 20_000
    theirs = brian(brian_python, tmp_path, drawn(n_steps, 2), **at_rest())
    raster = np.zeros((n_steps, NETWORK.n_units), bool)
    raster[theirs["step"], theirs["unit"]] = True
    ours = run(NETWORK, n_steps * 1e-3, record="spikes", seed=5)["spikes"].astype(bool)

    rates, intervals = [], []
    for spikes in (ours, raster):
        rates.append(spikes.sum(0) / n_steps * 1e3)
        # every fifth interval: neighbours depend on each other, which the test does not know
        intervals.append([np.diff(np.flatnonzero(spikes[:, unit]))[::5] for unit in range(NETWORK.n_units)])
    spread = np.sqrt(rates[0] * 1e3 / n_steps)  # of counts as irregular as Poisson's, and these are less so
    assert np.all(np.abs(rates[0] - rates[1]) < 5 * spread)
    assert scipy.stats.ks_2samp(*rates).pvalue > 0.01
    pvalues = [scipy.stats.ks_2samp(one, two).pvalue for one, two in zip(*intervals, strict=True)]
    assert min(pvalues) > 1e-3 / NETWORK.n_units
    assert scipy.stats.kstest(pvalues, "uniform", alternative="greater").pvalue > 1e-3
    # and it would show: with twice the noise the same test fails
    louder = Network(NETWORK.model, NETWORK.parameters, NETWORK.connectome, drive=None)
    other = run(louder, n_steps * 1e-3, drive=5 + 2 * (drawn(n_steps, 2) - 5), record="spikes")["spikes"]
    wrong = [
        scipy.stats.ks_2samp(np.diff(np.flatnonzero(other[:, unit]))[::5], intervals[1][unit]).pvalue
        for unit in range(NETWORK.n_units)
    ]
    assert np.median(wrong) < 1e-3
