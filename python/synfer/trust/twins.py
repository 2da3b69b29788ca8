"""Edge-free networks like the units of a recording: what a method says of units that do not act on each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from synfer.connectome import Connectome
from synfer.discover import Samples
from synfer.discover.spike_trains import is_counted
from synfer.errors import InputError
from synfer.network import DeltaSynapse, GaussianDrive, Network
from synfer.recording import Recording
from synfer.simulate import observe, run, var_network
from synfer.trust.own import OwnHistory, own_histories

WITHIN = 0.1
"""Share by which the population's rate may differ from the recording's."""
STEP = 1e-3
"""Seconds of a step of the spiking twins."""
TABLE = np.concatenate([np.linspace(-12.0, 4.0, 33), np.linspace(4.5, 30.0, 35), np.linspace(32.0, 100.0, 35)])
TABLE_SECONDS = 10.0
VARIANCE = 5.0
LEAD = 2.0  # seconds seen before what is kept begins: indicators rise for that long
CORRECTIONS = 6
HIGHEST = 100.0  # mV above the median: how much farther a spike goes is the model's affair
MILLIVOLTS = 10.0  # means farther from 0 than this are potentials, not z-scores

Observation = Callable[[Recording], Recording]


@dataclasses.dataclass(frozen=True)
class Twin:
    """Samples of an edge-free network, and how near it came.

    Attributes
    ----------
    samples : Samples
        Of the recording's units, lengths and step.
    kind : {"spiking", "autoregression"}
    matched : str
        What was matched.
    deviation : float
        Relative difference of the population's mean of it.
    worst : float
        The largest of a unit's.
    """

    samples: Samples
    kind: str
    matched: str
    deviation: float
    worst: float


def level_of(segments: list[np.ndarray], kind: str) -> np.ndarray:
    """Measure what a spiking twin is matched in, (unit,), per sample.

    Parameters
    ----------
    segments : list of array, each (time, unit)
    kind : {"counts", "voltage", "fluorescence"}
        Mean of counts; upward crossings of the middle between median and maximum; mean.
    """
    n = sum(map(len, segments))
    if kind != "voltage":
        return np.asarray(sum(segment.sum(axis=0, dtype=np.float64) for segment in segments)) / n
    everything = np.concatenate(segments)
    rest = np.median(everything, axis=0)
    middle = (rest + np.minimum(everything.max(axis=0), rest + HIGHEST)) / 2.0
    crossings = sum(((x[1:] >= middle) & (x[:-1] < middle)).sum(axis=0) for x in segments)
    return np.asarray(crossings) / n


def signal_kind(samples: Samples) -> str | None:
    """Say which kind of a spiking population's signal this is; None where it is none."""
    if all(is_counted(samples, unit) for unit in range(samples.n_units)):
        return "counts"
    return {"v": "voltage", "calcium": "fluorescence"}.get(samples.signal or "")


def observation_of(recording: Recording | None, samples: Samples) -> Observation | None:
    """Say how a spiking twin is seen: as ``provenance["observed"]`` tells, or as signal and step let assume.

    None where it is not known, so that no spiking twin can be made.
    """
    kind = signal_kind(samples)
    if kind is None:
        return None
    told = [] if recording is None else recording.provenance.get("observed", [])
    steps = [step for step in told if isinstance(step, dict) and step.get("step") != "hide_units"]
    if steps:
        names = {"add_noise", "bin_spikes", "calcium", "clip_and_zscore", "decimate"}
        if any(step.get("step") not in names for step in steps):
            return None
        return lambda seen: _replayed(seen, steps)
    if samples.dt is None or kind == "fluorescence":
        return None
    every = round(samples.dt / STEP)
    if every < 1 or abs(every * STEP - samples.dt) > 1e-6 * samples.dt:
        return None
    if kind == "counts":
        return lambda seen: observe.bin_spikes(_only(seen, "spikes"), samples.dt or STEP)
    scaled = bool(np.all(np.abs(np.concatenate(samples.segments).mean(axis=0)) < MILLIVOLTS))
    return lambda seen: _as_voltage(observe.decimate(_only(seen, "v"), every), scaled)


def _only(seen: Recording, signal: str) -> Recording:
    return Recording({signal: seen[signal]}, seen.dt, unit_ids=seen.unit_ids, provenance=seen.provenance)


def _as_voltage(seen: Recording, scaled: bool) -> Recording:
    return observe.clip_and_zscore(seen) if scaled else seen


def _replayed(seen: Recording, steps: list[dict[str, Any]]) -> Recording:
    """Do to a recording of "v" and "spikes" what was done to another, with noise of its own."""
    first = steps[0]["step"]
    signal = "spikes" if first in ("bin_spikes", "calcium") else steps[0].get("signal", "v")
    seen = _only(seen, "spikes" if signal not in seen.signal_names else signal)
    for number, step in enumerate(steps):
        given = {name: value for name, value in step.items() if name != "step"}
        if "seed" in given:  # not the noise of the recording itself
            given["seed"] = int(seen.provenance.get("seed", 0)) + number + 1
        seen = getattr(observe, step["step"])(seen, **given)
    return seen


def edge_free(
    samples: Samples, recording: Recording | None = None, *, observation: Observation | None = None, seed: int = 0
) -> Twin:
    """Make samples of an edge-free network like the units of ``samples``: same lengths, same observation.

    Spiking signals get Izhikevich neurons, each driven so that it does what the unit does; everything else, and what
    is observed in a way not known, autoregressions of each unit alone, driven by its own residuals in random order.

    Parameters
    ----------
    samples : Samples
    recording : Recording, optional
        What the samples are of, for what was done to it.
    observation : callable, optional
        Gives what is seen, a Recording of one signal, of a simulated one of signals "v" and "spikes" at 1 ms.
    seed : int

    Returns
    -------
    Twin

    Raises
    ------
    InputError
        The twin's rate differs from the recording's by more than `WITHIN` (or, of few spikes, by two standard errors
        of their number), or the observation gives another step.

    References
    ----------
    P. Buehlmann, "Sieve bootstrap for time series", Bernoulli 3 (1997), 123-148.
    """
    seen_as = observation or observation_of(recording, samples)
    if seen_as is None:
        return _autoregressive(samples, own_histories(samples.segments), seed)
    return _spiking(samples, seen_as, signal_kind(samples) or "fluorescence", seed)


def neurons(drives: np.ndarray) -> Network:
    """Excitatory Izhikevich neurons of one kind, each driven by noise of its own mean, without edges."""
    n = len(drives)
    nothing = Connectome.from_weights(np.zeros((n, n)), delay=STEP)
    parameters = {"a": 0.02, "b": -0.1, "c": -65.0 + 15.0 / 3.0, "d": 6.0}
    drive = GaussianDrive(np.asarray(drives, dtype=np.float64), VARIANCE)
    return Network("izhikevich", parameters, nothing, drive=drive, synapse=DeltaSynapse())


def _seen(drives: np.ndarray, seconds: float, observation: Observation, seed: int) -> Recording:
    simulated = run(neurons(drives), LEAD + seconds, STEP, record=("v", "spikes"), seed=seed)
    simulated.provenance = {**simulated.provenance, "seed": seed}
    seen = observation(simulated)
    if len(seen.signal_names) != 1:
        raise InputError(f"observation must give a Recording of one signal; got {', '.join(seen.signal_names)}.")
    return seen.isel(time=slice(int(np.ceil(LEAD / seen.dt)), None))


def _spiking(samples: Samples, observation: Observation, kind: str, seed: int) -> Twin:
    goal = level_of(samples.segments, kind)
    drives, level = _table(observation, kind, seed)
    mean = np.interp(goal, level, drives)
    dt = samples.dt or STEP
    seconds = (samples.n_samples + 1) * dt
    slope = np.gradient(level, drives)
    best: tuple[float, list[np.ndarray], np.ndarray] | None = None
    # Few spikes leave the rate itself uncertain, whatever the drive; then its own error is what can be asked for.
    spikes = goal.sum() * samples.n_samples if kind != "fluorescence" else np.inf
    allowed = max(WITHIN, 2.0 / np.sqrt(max(spikes, 1.0)))
    for attempt in range(CORRECTIONS):
        seen = _seen(mean, seconds, observation, seed + 1 + attempt)
        if abs(seen.dt - dt) > 1e-6 * dt:
            raise InputError(f"observation must give the recording's step of {dt:g} s; got {seen.dt:g} s.")
        segments = _cut(np.asarray(seen[seen.signal_names[0]]), samples)
        reached = level_of(segments, kind)
        off = abs(reached.mean() - goal.mean()) / max(abs(goal.mean()), 1e-12)
        if best is None or off < best[0]:
            best = (off, segments, reached)
        if off < WITHIN / 4:
            break
        steepness = np.maximum(np.interp(mean, drives, slope), 1e-3 * slope.max())
        mean = np.clip(mean + np.clip(0.5 * (goal - reached) / steepness, -3.0, 3.0), drives[0], drives[-1])
    assert best is not None
    off, segments, reached = best
    if off > allowed:
        raise InputError(
            f"recording: units without edges come to {reached.mean() / dt:.3g} a second, not {goal.mean() / dt:.3g}: "
            "say by observation= how it was made, or take surrogates alone (n_twins=0)."
        )
    worst = float(np.max(np.abs(reached - goal) / np.maximum(np.abs(goal), 1.0 / samples.n_samples)))
    made = dataclasses.replace(samples, segments=segments)
    named = {"counts": "counts", "voltage": "upward crossings", "fluorescence": "mean"}[kind]
    return Twin(made, "spiking", named, float(off), worst)


def _table(observation: Observation, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Drives and what they lead to, rising."""
    drives = TABLE
    if kind == "voltage":  # one that never fires has no level to cross, and cannot be scaled
        fires = np.asarray(run(neurons(TABLE), TABLE_SECONDS, STEP, record="spikes", seed=seed)["spikes"]).any(axis=0)
        drives = TABLE[fires]
    seen = _seen(drives, TABLE_SECONDS, observation, seed)
    level = level_of([np.asarray(seen[seen.signal_names[0]], dtype=np.float64)], kind)
    return drives, np.maximum.accumulate(level) + 1e-9 * np.arange(len(level))


def _autoregressive(samples: Samples, own: list[OwnHistory], seed: int) -> Twin:
    """Each unit alone, driven by its own residuals in random order."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    n_lags, n = max(len(unit.coef) for unit in own), samples.n_units
    coefficients = np.zeros((n_lags, n, n))
    for k, unit in enumerate(own):
        coefficients[: len(unit.coef), k, k] = unit.coef
    settle = 1000
    total = samples.n_samples + settle
    drive = np.stack([unit.intercept + rng.choice(unit.shocks, total) for unit in own], axis=1)
    network = var_network(coefficients, noise=0.0, dt=samples.dt or 1.0)
    dt = samples.dt or 1.0
    x = np.asarray(run(network, total * dt, dt, drive=drive, record="x", dtype="float64", seed=seed)["x"])[settle:]
    segments = _cut(x, samples)
    before, after = (np.concatenate(parts).std(axis=0) for parts in (samples.segments, segments))
    off = np.abs(after - before) / np.maximum(before, 1e-300)
    made = dataclasses.replace(samples, segments=segments)
    overall = abs(float(after.mean() - before.mean())) / max(float(before.mean()), 1e-300)
    return Twin(made, "autoregression", "standard deviation", overall, float(off.max()))


def _cut(x: np.ndarray, samples: Samples) -> list[np.ndarray]:
    if len(x) < samples.n_samples:
        raise InputError(f"observation must give at least {samples.n_samples} samples; got {len(x)}.")
    ends = np.cumsum([len(segment) for segment in samples.segments])
    dtype = samples.segments[0].dtype
    return [np.array(part, dtype=dtype) for part in np.split(x[: ends[-1]], ends[:-1])]
