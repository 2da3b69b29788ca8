"""
Calibrating p-values
====================

A p-value of .05 should come up in 5 of 100 pairs without an edge. It does where the signals are what the method
assumes, and need not elsewhere. So ask: how often does the method reject on data *like mine* in which nobody drives
anybody?
"""

import matplotlib.pyplot as plt
import numpy as np

import synfer as sf


def pvalues(method, duration, networks, weight, p):
    """Give the p-values of pairs without an edge, over networks of eight neurons."""
    found = []
    for seed in range(networks):
        network = sf.simulate.izhikevich_network(n_exc=6, n_inh=2, p=p, weight=weight, seed=seed)
        recording = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, duration, seed=seed))
        pvalue = method.fit(recording).connectome_.pvalue.values
        absent = (network.connectome.to_matrix().score.values == 0) & ~np.eye(8, dtype=bool)
        found.append(pvalue[absent])
    return np.concatenate(found)


# %%
# Without any edge, and beside edges
# ----------------------------------
# Voltages of spiking neurons are no linear process with Gaussian noise. Even without edges the F test rejects a
# little more than it says; beside edges the noise is not of one size, and it rejects about twice as often. A
# covariance that allows for that (``"hc3"``) comes nearer, and is not right either.
plain = sf.discover.ConditionalGranger(max_lag=20)
robust = sf.discover.ConditionalGranger(max_lag=20, covariance="hc3")
drawn = {
    "no edges, classical": pvalues(plain, 3.0, 12, weight=5.0, p=0.0),
    "edges, classical": pvalues(plain, 3.0, 12, weight=5.0, p=0.5),
    "edges, hc3": pvalues(robust, 3.0, 12, weight=5.0, p=0.5),
}
for name, values in drawn.items():
    share = (values < 0.05).mean()
    error = np.sqrt(0.05 * 0.95 / len(values))
    print(f"{name:22} rejected at .05: {share:.3f}  (a calibrated test: .050 ± {error:.3f}, {len(values)} pairs)")

# %%
# p-values of a calibrated test lie on the diagonal.
figure, axes = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
for name, values in drawn.items():
    axes.plot(np.sort(values), (np.arange(len(values)) + 1) / len(values), label=name)
axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
axes.set(xlabel="p-value", ylabel="share of absent edges at or below")
axes.legend()

# %%
# p-values for a method without
# -----------------------------
# Surrogates keep what each unit does by itself and destroy the timing between units; the score's rank among them is a
# p-value for any method. Few surrogates give coarse p-values: the least there can be is 1 / (1 + n).
network = sf.simulate.izhikevich_network(n_exc=4, n_inh=1, p=0.4, seed=2)
seen = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, 3.0, seed=2))
test = sf.discover.significance.SurrogateTest(
    sf.discover.DifferentialCovariance(),
    surrogate="circular_shift",
    n_surrogates=199,
    random_state=0,
)
test.fit(seen)
print("kept:", test.preserves_)
print("lost:", test.destroys_)
test.connectome_.edges().head(5)

# %%
# For the whole account over suites, on the shell: ``synfer benchmark calibration --simulate 20 --methods
# conditional_granger,mvgc --out bench-out``. :doc:`The measured table </generated/results/calibration>` has every
# method with p-values; :doc:`/limits` says what a right p-value can still mislead about.
