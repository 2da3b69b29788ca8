"""Conditions harder than the paper's: less is seen, or what is seen was made otherwise. The suite "robustness".

Ten conditions, networks of 20 neurons (16 excitatory, 4 inhibitory; of 40 as well where only spikes are seen). Network
k of a set has p = .2, .4, .6 in turn, so that sets differ by their condition alone; where nothing else is said they are
the paper's Izhikevich networks, 5 s of voltage at 1 kHz, clipped and z-scored, spikes beside it. What is given is the
recording's first signal (`synfer.benchmark.settings.SIGNALS` names the exceptions).

==================  ====================================================================================================
spikes_5s_n20/_n40  spikes alone, 5 s
spikes_60s_n20/_n40 spikes alone, 60 s
calcium_30hz        fluorescence at 30 Hz for 10 minutes: rise 50 ms, decay 500 ms, noise a fifth of a spike's height
decimated_x5        every fifth sample of the voltage, spikes between samples lost
half_hidden         40 neurons, of which half are seen; the truth is that among those
shared_drive        an unseen white input common to all, as strong as each neuron's own noise (correlation .5)
delays_1_10ms       each edge has a delay of its own, 1 to 10 ms
lognormal_weights   log-normal magnitudes of weights, mean and standard deviation 5: many edges are weak
hodgkin_huxley      cortical Hodgkin-Huxley neurons, exponential conductances of 5 and 10 ms, steps of 25 us
lif_conductance     leaky integrate-and-fire neurons, the same conductances, steps of 100 us
ring_*              the ring of Das and Fiete (2020) on 20 linear-nonlinear-Poisson units, 60 s of spikes, at a half, 1
                    and 2 times the strength at which its mean field forms bumps; weights below a tenth of the largest
                    are cut to 0, so that some pairs have no edge
==================  ====================================================================================================

A network of one class, or (Hodgkin-Huxley, integrate-and-fire) in which a neuron never fires, is drawn again; how often
stands in the recording's provenance, ``redrawn``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from synfer.benchmark.simulated import REDRAWS, key_of
from synfer.benchmark.task import Pair, Task
from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.network import ConductanceSynapse, DeltaSynapse, Drive, GaussianDrive, Network, SharedDrive, WhiteNoiseDrive
from synfer.recording import Recording
from synfer.simulate import (
    LogNormal,
    UniformDelay,
    erdos_renyi,
    from_matrix,
    izhikevich_network,
    observe,
    ring_attractor,
    run,
)

DENSITIES = (0.2, 0.4, 0.6)
SECONDS = 5.0
OWN_NOISE = 5.0
"""Variance of the drive of each of the paper's neurons."""
RING_RATE, RING_TAU, RING_CUT = 20.0, 0.01, 0.1


def _drawn(make: Callable[[int], tuple[Network, Recording]], key: int) -> tuple[Network, Recording, int]:
    """Draw networks until one has both classes and all of its neurons fire (where spikes are recorded)."""
    for redrawn in range(REDRAWS):
        network, seen = make(key + redrawn)
        edges = int((network.connectome.to_matrix().score.values > 0).sum())
        fires = "spikes" not in seen or bool(np.asarray(seen["spikes"]).any(axis=0).all())
        if 0 < edges < network.n_units * (network.n_units - 1) and fires:
            return network, seen, redrawn
    raise InputError(f"networks of key {key}: {REDRAWS} draws gave none with both classes whose neurons all fire.")


def _pair(seen: Recording, truth: Connectome, key: int, redrawn: int) -> Pair:
    """The recording as it is given, voltage clipped and z-scored, with the truth among its units."""
    signals = {}
    if "v" in seen:
        signals["v"] = observe.clip_and_zscore(Recording({"v": seen["v"]}, seen.dt, unit_ids=seen.unit_ids))["v"]
    signals |= {name: seen[name] for name in seen.signal_names if name != "v"}
    units = {"v": "z"} if "v" in signals else None
    about = {"seed": key, "redrawn": redrawn}
    given = Recording(signals, seen.dt, unit_ids=seen.unit_ids, units_of_measure=units, provenance=about)
    return given, truth.to_matrix().sel(units=seen.unit_ids)


def paper(n_units: int, p: float, seed: int) -> Network:
    """The paper's network of so many neurons, a fifth of them inhibitory."""
    return izhikevich_network(n_units - n_units // 5, n_units // 5, p, seed=seed)


def rewired(p: float, seed: int, *, drive: tuple[Drive, ...] | None = None, **wiring: object) -> Network:
    """The paper's 20 neurons, wired or driven otherwise."""
    one = paper(20, p, seed)
    given = {"weight": 5.0, "delay": 1e-3, **wiring}
    connectome = erdos_renyi(16, 4, p, seed=seed, **given) if wiring else one.connectome  # type: ignore[arg-type]
    return Network(one.model, one.parameters, connectome, drive=drive or one.drive, synapse=one.synapse)


def make_voltage(kind: str, p: float, key: int) -> Pair:
    """Voltages: hidden neurons, decimation, a shared drive, delays, log-normal weights."""
    noise = GaussianDrive(5.0, OWN_NOISE)
    kinds: dict[str, Callable[[int], Network]] = {
        "decimated": lambda seed: paper(20, p, seed),
        "hidden": lambda seed: paper(40, p, seed),
        "shared": lambda seed: rewired(p, seed, drive=(noise, SharedDrive(OWN_NOISE**0.5))),
        "delays": lambda seed: rewired(p, seed, delay=UniformDelay(1e-3, 10e-3, step=1e-3)),
        "lognormal": lambda seed: rewired(p, seed, weight=LogNormal(5.0, 5.0)),
    }
    record = ("v",) if kind == "decimated" else ("v", "spikes")

    def make(seed: int) -> tuple[Network, Recording]:
        network = kinds[kind](seed)
        return network, run(network, SECONDS, record=record, seed=seed)

    network, seen, redrawn = _drawn(make, key)
    if kind == "decimated":
        seen = observe.decimate(seen, 5)
    if kind == "hidden":
        seen = observe.hide_units(seen, fraction=0.5, seed=key)
    return _pair(seen, network.connectome, key, redrawn)


def make_spikes(n_units: int, seconds: float, p: float, key: int) -> Pair:
    """Spikes alone."""

    def make(seed: int) -> tuple[Network, Recording]:
        network = paper(n_units, p, seed)
        return network, run(network, seconds, record="spikes", seed=seed)

    network, seen, redrawn = _drawn(make, key)
    return _pair(seen, network.connectome, key, redrawn)


def make_calcium(p: float, key: int) -> Pair:
    """Ten minutes of fluorescence at 30 Hz."""

    def make(seed: int) -> tuple[Network, Recording]:
        network = paper(20, p, seed)
        return network, run(network, 600.0, record="spikes", seed=seed)

    network, seen, redrawn = _drawn(make, key)
    seen = observe.calcium(seen, noise=0.2, frame_rate=30.0, seed=key)
    return _pair(seen, network.connectome, key, redrawn)


def make_conductance(model: str, p: float, key: int) -> Pair:
    """Neurons whose synapses are conductances: what a spike does depends on the target's voltage."""
    hodgkin = model == "hodgkin_huxley_cortical"
    # Of LIF in units of the leak's conductance. Both fire at some 5 to 30 Hz, irregularly.
    weight, weight_inh = (0.01, 0.04) if hodgkin else (0.1, 0.4)
    drive = WhiteNoiseDrive(0.7, 0.05) if hodgkin else WhiteNoiseDrive(18.0, 1.2)
    dt = 2.5e-5 if hodgkin else 1e-4

    def make(seed: int) -> tuple[Network, Recording]:
        wiring = erdos_renyi(16, 4, p, weight=weight, weight_inh=weight_inh, delay=1e-3, seed=seed)
        network = Network(model, {}, wiring, drive=drive, synapse=ConductanceSynapse(0.005, 0.01))
        every = round(1e-3 / dt)
        return network, run(network, SECONDS, dt, every=every, warmup=0.5, record=("v", "spikes"), seed=seed)

    network, seen, redrawn = _drawn(make, key)
    return _pair(seen, network.connectome, key, redrawn)


def ring(strength: float) -> Connectome:
    """The ring of 20 units, of its published shape stretched to them, at a strength relative to the critical one.

    Around a homogeneous state of rate nu, a wave of number q grows where nu tau-integrated weights sum to less than
    -1: nu dt sum_d W(d) cos(2 pi q d / N) < -1 (an exponential nonlinearity; a spike acts for one step dt).
    """
    n = 20
    shape = _weights(ring_attractor(n, 1.0, sigma=(6.98 * n / 100, 7.0 * n / 100)))
    shape = np.where(np.abs(shape) >= RING_CUT * np.abs(shape).max(), shape, 0.0)
    waves = np.fft.rfft(shape[0]).real[1:]
    return from_matrix(strength * shape / (-waves.min() * RING_RATE * 1e-3), delay=1e-3)


def _weights(wiring: Connectome) -> np.ndarray:
    weight = wiring.to_matrix().weight
    assert weight is not None  # it was made of them
    return np.asarray(weight.values)


def make_ring(strength: float, key: int) -> Pair:
    """A minute of spikes of the ring, driven so that the homogeneous state has the same rate at each strength."""
    wiring = ring(strength)
    mean = -float(_weights(wiring)[0].sum()) * RING_RATE * 1e-3  # what inhibition takes away on average
    parameters = {"tau": RING_TAU, "rate": RING_RATE, "gain": 1.0}
    network = Network(
        "linear_nonlinear_poisson", parameters, wiring, drive=GaussianDrive(mean, 0.0), synapse=DeltaSynapse()
    )
    seen = run(network, 60.0, record="spikes", warmup=1.0, seed=key)
    return _pair(seen, wiring, key, 0)


def robustness(n: int, seed: int) -> list[Task]:
    """``n`` networks of each set, number k of every set before number k + 1 of any."""
    by_density: dict[str, tuple[str, Callable[..., Pair]]] = {
        "spikes_5s_n20": ("spikes", functools.partial(make_spikes, 20, 5.0)),
        "spikes_5s_n40": ("spikes", functools.partial(make_spikes, 40, 5.0)),
        "spikes_60s_n20": ("spikes", functools.partial(make_spikes, 20, 60.0)),
        "spikes_60s_n40": ("spikes", functools.partial(make_spikes, 40, 60.0)),
        "calcium_30hz": ("calcium", make_calcium),
        "decimated_x5": ("slow_voltage", functools.partial(make_voltage, "decimated")),
        "half_hidden": ("voltage", functools.partial(make_voltage, "hidden")),
        "shared_drive": ("voltage", functools.partial(make_voltage, "shared")),
        "delays_1_10ms": ("voltage", functools.partial(make_voltage, "delays")),
        "lognormal_weights": ("voltage", functools.partial(make_voltage, "lognormal")),
        "hodgkin_huxley": ("voltage", functools.partial(make_conductance, "hodgkin_huxley_cortical")),
        "lif_conductance": ("voltage", functools.partial(make_conductance, "lif")),
    }
    rings = {"ring_half": 0.5, "ring_critical": 1.0, "ring_double": 2.0}
    tasks = []
    for k in range(n):
        made = [
            (name, kind, functools.partial(make, DENSITIES[k % len(DENSITIES)]))
            for name, (kind, make) in by_density.items()
        ]
        made += [(name, "spikes", functools.partial(make_ring, strength)) for name, strength in rings.items()]
        for place, (name, kind, make) in enumerate(made):
            load = functools.partial(make, key_of(seed, place, k))
            tasks.append(Task(name, f"fresh_{seed}_{k}", load, f"seed {seed}, {k}", kind))
    return tasks
