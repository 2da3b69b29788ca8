"""
Spikes only
===========

Extracellular recordings have no voltages. What can be told from spike trains alone, how long they must be, and what a
stimulus that everybody sees does to the answer.
"""

import matplotlib.pyplot as plt
import numpy as np

import synfer as sf

network = sf.simulate.izhikevich_network(n_exc=8, n_inh=2, p=0.3, seed=5)
minute = sf.simulate.run(network, duration=60.0, record="spikes", seed=5)

# %%
# Three ways to ask
# -----------------
# The cross-correlogram asks of a pair whether there are more coincidences at a synapse's lag than their slower rhythm
# explains; Granger's test and the spike model are given everybody else's past too. The truth only judges. The number of
# lags is given: of trains, which remember refractory times, AIC takes as many as it is offered, and warns of it.
methods = {
    "cross_correlogram": sf.discover.CrossCorrelogram(max_lag=10),
    "conditional_granger": sf.discover.ConditionalGranger(lag=10),
    "spike_glm": sf.discover.SpikeGLM(window=20),
}
found = {name: method.fit(minute).connectome_ for name, method in methods.items()}
for name, estimate in found.items():
    print(f"{name:20} AUROC {sf.evaluate.compare(estimate, network.connectome)['auroc']:.3f}")

# %%
# How long is long enough
# -----------------------
# The same question asked of the first seconds. Spikes are few: what takes voltages five seconds takes spikes a
# minute.
durations = [5.0, 10.0, 20.0, 40.0, 60.0]
curves = {
    name: [
        sf.evaluate.compare(method.fit(minute[0.0:seconds]).connectome_, network.connectome)["auroc"]
        for seconds in durations
    ]
    for name, method in methods.items()
}

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
for name, curve in curves.items():
    axes.plot(durations, curve, marker="o", label=name)
axes.set(xlabel="recorded (s)", ylabel="AUROC", ylim=(0.4, 1.02))
axes.legend()

# %%
# A stimulus that everybody sees
# ------------------------------
# A slow drive common to all units makes them fire together, and no test of pairs knows why. Where it is known, it is
# given as ``covariates``, and what it explains is no evidence for edges. A voltage remembers: the stimulus of the
# last tens of milliseconds acts too, so its past is given as further columns.
shared = sf.network.SharedDrive(strength=3.0, tau=0.05, name="stimulus")
own = sf.network.GaussianDrive(mean=5.0, variance=5.0)
driven = sf.simulate.run(network, duration=30.0, drive=[own, shared], record=("spikes", "drive_stimulus"), seed=5)

stimulus = driven["drive_stimulus"][:, 0]  # the same for all units
lags = (0, 2, 5, 10, 20, 40)
past = np.stack([np.concatenate([np.zeros(lag), stimulus[: len(stimulus) - lag]]) for lag in lags], axis=1)

model = sf.discover.SpikeGLM(window=20)
for name, covariates in {"not told of it": None, "told": stimulus[:, None], "told, with its past": past}.items():
    estimate = model.fit(driven, signal="spikes", covariates=covariates).connectome_
    false = sf.evaluate.rejections(estimate, network.connectome)
    auroc = sf.evaluate.compare(estimate, network.connectome)["auroc"]
    print(
        f"{name:20} AUROC {auroc:.3f}, absent edges rejected at .05: {false['absent_rejected']} of {false['n_absent']}"
    )

# %%
# Even then more are rejected than the 3 of 58 that a right p-value allows: what is left of the drive still looks like
# wiring. A ranking survives a known stimulus; a count of edges does not quite.
#
# Counts in wider bins are as good for methods of rates: ``sf.simulate.observe.bin_spikes``. Spike times of your own
# come in by ``sf.Recording.from_spikes(times, units, dt=1e-3)``.
