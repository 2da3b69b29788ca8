"""
Your first connectome
=====================

Ten neurons whose wiring is known are simulated; a method that sees their voltages alone says who drives whom; the two
are held against each other. Everything else in synfer is a variation of these four steps.
"""

import matplotlib.pyplot as plt

import synfer as sf

# %%
# Simulate
# --------
# Eight neurons excite and two inhibit, each ordered pair connected with probability .4. ``run`` gives a Recording:
# named signals over time and unit, five seconds at a millisecond.
network = sf.simulate.izhikevich_network(n_exc=8, n_inh=2, p=0.4, seed=1)
recording = sf.simulate.run(network, duration=5.0, record=("v", "spikes"), seed=0)
print(recording)

# %%
# Its first second, spikes above and voltages below (the peaks cut off at 30 mV).
figure, (above, below) = plt.subplots(2, 1, figsize=(7, 5), layout="constrained")
sf.plot.raster(recording[0.0:1.0], ax=above)
sf.plot.traces(recording[0.0:1.0], "v", ceiling=30.0, ax=below)

# %%
# Prepare
# -------
# A spike is a hundred times larger than what a synapse does, and would swamp it. Clipping the peaks and z-scoring is
# what the methods want of spiking voltages; it leaves the one signal ``v``.
seen = sf.simulate.observe.clip_and_zscore(recording)

# %%
# Discover
# --------
# Methods are scikit-learn estimators. This one asks of each pair whether the source's past improves the forecast of
# the target, everybody else's past given.
estimate = sf.discover.ConditionalGranger().fit(seen).connectome_
print(estimate)

# %%
# Edges that stand after a correction for all pairs, the surest first. ``weight`` has the sign: negative inhibits.
estimate.edges(alpha=0.05).head(8)

# %%
# Compare
# -------
# The truth is for the evaluation only: nothing in ``discover`` can reach it. Rows are targets and columns sources, in
# every matrix and every picture.
figures = sf.evaluate.compare(estimate, network.connectome)
print({name: round(figures[name], 3) for name in ("auroc", "auprc", "sign_accuracy")})

sf.plot.heat_maps({"truth": network.connectome, "estimate": estimate})

# %%
# Keep
# ----
# ``estimate.save("estimate.nc")`` keeps it with how it was made; ``to_pandas``, ``to_networkx``, ``to_csv`` and
# ``to_graphml`` hand it on. Next: :doc:`your own file <plot_2_my_nwb_file>`, and :doc:`what an edge means
# </concepts>`.
