"""
Calcium
=======

Fluorescence is slow and a frame is long: at 30 Hz what one neuron does to another has happened within the frame. What
can be told from frames all the same, what cannot, and what to set.
"""

import matplotlib.pyplot as plt
import numpy as np

import synfer as sf

# %%
# Ten minutes of 20 neurons, as a microscope shows them. Your own dF/F comes in by
# ``sf.Recording.from_array(dff, dt=1 / 30, name="calcium")``, frames first, or from NWB (``from_nwb``); it may be in
# per cent. Deconvolved events, which are no counts, are samples like others (``likelihood="gaussian"``).
network = sf.simulate.izhikevich_network(n_exc=16, n_inh=4, p=0.2, seed=5)
spikes = sf.simulate.run(network, duration=600.0, record="spikes", seed=5)
frames = sf.simulate.observe.calcium(spikes, frame_rate=30.0, noise=0.2, seed=5)
truth = network.connectome

# %%
# Lags alone, and what is shared within a frame
# ---------------------------------------------
# A lag of one frame sees the echo of what has happened, often with the wrong sign. ``instantaneous=True`` also counts
# what two units have in common within a frame once everybody's past is told, and weights are that coupling's.
lagged = sf.discover.ConditionalGranger().fit(frames)
within = sf.discover.ConditionalGranger(instantaneous=True).fit(frames)
for name, estimate in {"lags": lagged.connectome_, "with coupling": within.connectome_}.items():
    figures = sf.evaluate.compare(estimate, truth)
    print(
        f"{name:14} AUROC {figures['auroc']:.2f}, without direction {figures['auroc_undirected']:.2f}, "
        f"AUPRC {figures['auprc']:.2f}, signs right {figures['sign_accuracy']:.2f}"
    )

# %%
# What has a direction
# --------------------
# Coupling has none: it raises the score of both directions, more of that which the lags point to. So there are three
# things to read, in this order: who is coupled (``instantaneous_``, whose weights are partial correlations and whose
# p-values are theirs), with what sign (the same weight), and, less surely, which way (the score of the two directions).
coupled = within.instantaneous_
pairs = coupled.edges(alpha=0.05)
joined = (truth.to_matrix().score.values > 0) | (truth.to_matrix().score.values.T > 0)
upper = np.triu_indices(network.n_units, 1)
called = np.asarray(coupled.pvalue)[upper] < 0.05
print(
    f"{len(pairs) // 2} pairs are coupled at a false discovery rate of .05, of {joined[upper].sum()} that are connected"
)
print(f"p < .05: {called[joined[upper]].mean():.0%} of these, {called[~joined[upper]].mean():.0%} of the others")

figure, axes = plt.subplots(figsize=(5, 4), layout="constrained")
kinds = {"excitatory": truth.to_matrix().weight.values > 0, "inhibitory": truth.to_matrix().weight.values < 0}
kinds["no edge either way"] = ~joined & ~np.eye(network.n_units, dtype=bool)
for name, where in kinds.items():
    axes.hist(
        np.asarray(coupled.weight)[where], bins=np.linspace(-0.2, 0.2, 41), histtype="step", density=True, label=name
    )
axes.set(xlabel="coupling (partial correlation)", ylabel="density")
axes.legend()

# %%
# How much is enough
# ------------------
# The p-values of ``connectome_`` are of lags, and do not hold of frames: they call a fifth of the absent edges at .05.
# Do not count directed edges by them. Those of the coupling hold where wiring is sparse, as above; on denser networks a
# third of the pairs without a connection are below .05 (:doc:`measured </generated/results/coupling>`). Of ten minutes
# of twenty neurons ``Synformer(instantaneous=True, evidence="wald")`` tells a little more than this regression
# (:doc:`measured </generated/results/robustness>`); of a minute, the coupling alone more than the score.
minute = frames[0.0:60.0]
for name, connectome in {"score": within.fit(minute).connectome_, "coupling": within.instantaneous_}.items():
    print(
        f"{name:10} of one minute: without direction {sf.evaluate.compare(connectome, truth)['auroc_undirected']:.2f}"
    )
