"""A card for every method: what must hold for its answer to mean anything, when that fails, and what it costs.

What a method computes, its parameters, limits with their figures, and sources stand in its docstring, and only there.
"""

from __future__ import annotations

import dataclasses

LEAST, LITTLE, SOME, MUCH = "least", "little", "some", "much"
COSTS = {
    LEAST: "under a second for tens of units and minutes of samples",
    LITTLE: "seconds",
    SOME: "tens of seconds to minutes",
    MUCH: "minutes to an hour, or a GPU",
}
"""What the README's words for cost mean on one core, for tens of units and some thousands of samples."""


@dataclasses.dataclass(frozen=True)
class MethodCard:
    """What to know of a method before its answer is believed.

    Attributes
    ----------
    takes : str
        The signals it is for.
    assumes, fails : tuple of str
        Sentences: what must hold; and what it says where that does not.
    signs, pvalues : bool
        Whether its connectome has a signed ``weight``, and p-values, as it comes.
    cost : str
        One of `COSTS`.
    """

    takes: str
    assumes: tuple[str, ...]
    fails: tuple[str, ...]
    signs: bool
    pvalues: bool
    cost: str


ANY = "Any signal that varies: voltage, calcium, rates, counts."
LINEAR = "The next sample is a linear function of the last few, plus noise that no other unit shares."
OBSERVED = "Everything that drives two or more of the units was recorded."
STEADY = "The recording is stationary."
SLOW = (
    "Where effects take less than a frame of fluorescence, or a bin of spikes, lags see echoes, often of the wrong "
    "sign: take `instantaneous=True`. P-values, which are of lags, do not hold there."
)
HIDDEN = "Two units that share an input which was not recorded come out as connected."
UNROLLED = "A unit root, or a drifting mean, makes it find too much; both are warned of."
NOISY = "Measurement noise lets an intermediate unit no longer hide the way through it: chains gain shortcuts."
TUNED = "What it finds depends on the strength of its penalty, which held-out forecasts choose and no truth."
TRAINED = "A forecast no better than the unit's own last sample says nothing of edges: look at `r2_` first."

CARDS: dict[str, MethodCard] = {
    "causalformer": MethodCard(
        ANY,
        ("What the forecast attends to is what acts.", OBSERVED, STEADY),
        ("Attention can be spread over units that only correlate with the driver.",
         "One initialisation is not enough: read the spread over ten.", TRAINED),
        signs=False, pvalues=False, cost=MUCH,
    ),
    "componentwise_gc": MethodCard(
        ANY,
        ("Few sources act on each target.", OBSERVED, STEADY),
        ("Of correlated sources the penalty keeps one, not always the right one.", TUNED, TRAINED),
        signs=True, pvalues=False, cost=MUCH,
    ),
    "conditional_granger": MethodCard(
        ANY + " Clip and z-score spiking voltages first.",
        (LINEAR, OBSERVED, STEADY, "There are many times more samples than units times lags."),
        (HIDDEN, NOISY, UNROLLED,
         SLOW,
         "On spiking voltages the noise is not of one size: `covariance=\"hc3\"` keeps the p-values nearer to honest. "
         "It is not for spike trains, whose coincidences are too few for it."),
        signs=True, pvalues=True, cost=LITTLE,
    ),
    "convergent_cross_mapping": MethodCard(
        "States of a system that is nearly deterministic.",
        ("The units are parts of one deterministic system, weakly coupled.",
         "The signal is sampled finely, and long enough to come near to itself again."),
        ("Strong driving synchronises source and target: skill goes both ways.",
         "Under noise there is no manifold, and skill is correlation by another name."),
        signs=False, pvalues=True, cost=SOME,
    ),
    "cross_correlation": MethodCard(
        ANY,
        ("What precedes drives.",),
        ("A common input, or a chain, gives an edge as surely as a synapse does.",
         "It says that two units are related, and not that nobody else explains it."),
        signs=True, pvalues=True, cost=LEAST,
    ),
    "cross_correlogram": MethodCard(
        "Spike counts in bins of a millisecond or so.",
        ("A synapse shows within a few bins; what the pair shares besides is slower than the kernel.",
         "There are tens of expected coincidences for excitation, hundreds for inhibition."),
        ("A common input through fast synapses looks like a synapse.",
         "Short recordings hide inhibition: there is too little to take away."),
        signs=True, pvalues=True, cost=LEAST,
    ),
    "differential_covariance": MethodCard(
        ANY + " Sampled so finely that differences are slopes.",
        ("The slope of each unit is a function of all units now, without delay.", OBSERVED),
        ("What acts after several samples is missed.",
         "An edge one way is one of the other sign the other way: only signs tell who drives.",
         "Noise on the measurement makes edges."),
        signs=True, pvalues=False, cost=LEAST,
    ),
    "event_regression": MethodCard(
        "Voltages of integrate-and-fire neurons, spikes and resets included.",
        ("Units act by their events alone, additively.",
         "A unit's own dynamics are a polynomial of its voltage and one slow state."),
        ("On anything but such voltages it is the wrong model: it serves as a ceiling for simulations.",),
        signs=True, pvalues=True, cost=LITTLE,
    ),
    "grngc": MethodCard(
        ANY,
        ("The next sample is a smooth function of the last few of all units.", OBSERVED, STEADY),
        (HIDDEN, TUNED, TRAINED),
        signs=True, pvalues=False, cost=SOME,
    ),
    "jacobian_gc": MethodCard(
        ANY,
        ("The next sample is a smooth function of the last few of all units.", OBSERVED, STEADY),
        (HIDDEN, "Own history is penalised with the rest: strongly autocorrelated units suffer.", TUNED, TRAINED),
        signs=True, pvalues=False, cost=SOME,
    ),
    "mask2cause": MethodCard(
        ANY,
        ("One graph holds for the whole recording.", OBSERVED, STEADY),
        ("Its graph leans towards who can be reached, over several edges too.", TUNED, TRAINED),
        signs=False, pvalues=False, cost=MUCH,
    ),
    "mvgc": MethodCard(
        ANY + " Clip and z-score spiking voltages first.",
        (LINEAR, OBSERVED, STEADY),
        (HIDDEN, NOISY, UNROLLED,
         "With many units lag='aicc', the toolbox's AIC, takes too few lags, and absent edges are rejected too often.",
         "Of smooth signals, such as calcium, the recursion finds less than least squares: take regression='ols'."),
        signs=True, pvalues=True, cost=LITTLE,
    ),
    "netformer": MethodCard(
        "Rates or calcium, of units that act at once on the next sample.",
        ("The next sample is the last one plus a signed, state-dependent mixture of all.", OBSERVED),
        ("Correlated units take each other's place.",
         "Of a static linear system a ridge regression says the same at a fraction of the cost.", TRAINED),
        signs=True, pvalues=False, cost=SOME,
    ),
    "pairwise_granger": MethodCard(
        ANY,
        (LINEAR, "No third unit acts on both: of every pair the rest is ignored."),
        ("A chain a → b → c gives a → c; a common driver an edge between those it drives.", UNROLLED),
        signs=True, pvalues=True, cost=LITTLE,
    ),
    "partial_correlation": MethodCard(
        ANY,
        ("Units are jointly Gaussian, and act within one sample.", OBSERVED),
        ("It has no direction, unless `direction=\"nongaussian\"` can read one.",
         "Two units that drive a third are tied to each other by it."),
        signs=True, pvalues=True, cost=LEAST,
    ),
    "spike_glm": MethodCard(
        "Spike counts or spike trains.",
        ("Log rates (or log odds) are sums of filtered spikes and known stimuli; p-values are of fits without penalty.",
         OBSERVED, STEADY),
        (HIDDEN, "Strong recurrence biases its filters beyond what longer recordings mend.",
         "Slow changes of state that were not given as `covariates` become edges among all that share them.",
         "Counts that vary more than Poisson's law says, as in wide bins (warned of): take `dispersion=\"pearson\"`."),
        signs=True, pvalues=True, cost=SOME,
    ),
    "synformer": MethodCard(
        ANY + " Spikes with `likelihood=\"bernoulli\"` or `\"poisson\"`.",
        ("All units follow one law, told apart by what they are and what reaches them.",
         "What reaches a unit is a sum of what others say, each at a lag.", OBSERVED, STEADY),
        (HIDDEN, "On Lorenz-96, which multiplies its sources, its p-values do not hold.",
         SLOW),
        signs=True, pvalues=True, cost=SOME,
    ),
    "transfer_entropy": MethodCard(
        ANY,
        ("\"gaussian\": what `pairwise_granger` assumes. \"neighbours\": samples enough to fill the joint space.",
         STEADY),
        ("Given only the own past, chains and common inputs make edges.",
         "Nearest neighbours are biased towards 0 as lags and units grow, and every pair costs."),
        signs=False, pvalues=True, cost=LITTLE,
    ),
}  # fmt: skip
"""The card of each method of `synfer.discover.METHODS`."""
