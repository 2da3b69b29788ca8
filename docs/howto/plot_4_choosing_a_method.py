"""
Choosing a method
=================

No method is best everywhere. Choose by what was recorded and how much of it, then test the choice on simulated
networks like your own, never by looking at which answer you like on your own data.

==================================  ==========================================================================
you have                            begin with
==================================  ==========================================================================
voltages at 1 ms                    ``conditional_granger`` (seconds), then ``synformer``
spikes                              ``spike_glm``; of minutes of few cells also ``cross_correlogram``
calcium at 30 Hz                    ``conditional_granger``, see :doc:`/generated/gallery/plot_7_calcium`
rates, fMRI (slower than synapses)  ``partial_correlation``
a few short trials (genes)          ``pairwise_granger``; of 50 units or more also ``grngc``
more units than samples             ``conditional_granger`` with ``ridge``, and ``pairwise_granger``
a system that is nearly noiseless   ``convergent_cross_mapping``, ``grngc``
==================================  ==========================================================================

A regression on all units at once knows who drives by way of whom, and needs the samples for it. On the DREAM3 sets of
gene expression (11 samples a trial) pairs taken one by one rank edges better than it does in all three sizes
(``bench/results/dream3.md``); of linear networks seen for fewer samples than they have units, the ridge is ahead.
"""

import tempfile

import synfer as sf
from synfer import benchmark

# %%
# What each takes for granted
# ---------------------------
# The cards of :doc:`all methods </generated/methods/index>` say what each assumes and when it fails. The same from
# Python:
card = sf.discover.CARDS["conditional_granger"]
print(*card.assumes, sep="\n")
print("but:", *card.fails, sep="\n")

# %%
# Ask networks like your own
# --------------------------
# Simulate what you believe you recorded: as many units, as long, seen the same way. Here 10 units of which 8 are
# seen, with noise on the measurement. Both make the memory longer: of some of these AIC takes all of ten lags, the
# default, and says so (``LargestOrderWarning``), so that the regressions are offered twenty.


def like_mine(seed):
    """Give a recording such as mine could be, and who drives whom among the units that it shows."""
    network = sf.simulate.izhikevich_network(n_exc=8, n_inh=2, p=0.3, seed=seed)
    recording = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, duration=5.0, seed=seed))
    recording = sf.simulate.observe.hide_units(recording, [0, 9])
    recording = sf.simulate.observe.add_noise(recording, 0.1, seed=seed)
    return recording, sf.simulate.observe.truth_of(recording, network.connectome)


candidates = {
    "cross_correlation": sf.discover.CrossCorrelation(n_surrogates=0),
    "pairwise_granger": sf.discover.PairwiseGranger(lag=5),
    "conditional_granger": sf.discover.ConditionalGranger(max_lag=20),
    "mvgc": sf.discover.MVGC(max_lag=20),
}
for name, method in candidates.items():
    aurocs = []
    for seed in range(5):
        recording, truth = like_mine(seed)
        aurocs.append(sf.evaluate.compare(method.fit(recording).connectome_, truth)["auroc"])
    print(f"{name:20} AUROC {min(aurocs):.2f} to {max(aurocs):.2f}")

# %%
# Or take a suite
# ---------------
# ``benchmark.run`` holds methods against suites of known networks, keeps every fit, and goes on where it was broken
# off. On the shell: ``synfer benchmark var --simulate 2 --methods conditional_granger,mvgc --out bench-out``. In Python
# a method may be an estimator too, under a name of its own: other parameters, or a class that you wrote.
rows = benchmark.run(
    "var",
    {
        "cross_correlation": "cross_correlation",
        "conditional_granger": "conditional_granger",
        "one lag": sf.discover.ConditionalGranger(lag=1),
        "mvgc": "mvgc",
    },
    simulate=2,
    sets=["num_nodes_10_true_lag_3"],
    out=tempfile.mkdtemp(),
    progress=False,
)
benchmark.summary(rows)[["method", "networks", "auroc", "auprc", "sign_accuracy", "seconds"]].round(3)

# %%
# Settings without the truth
# --------------------------
# Your own recording has no truth to choose settings by. Methods with a forecast have ``score``, the likelihood of
# samples that were held out, so that scikit-learn's searches choose by that.
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

recording, _ = like_mine(seed=99)
search = GridSearchCV(sf.discover.ConditionalGranger(), {"lag": [1, 2, 4, 8]}, cv=TimeSeriesSplit(3))
search.fit(recording["v"])
print(search.best_params_)
