"""A reference: what the methods made for such a signal believe of each pair, to hold the user's own answer against."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from scipy.stats import kurtosis
from statsmodels.stats.multitest import multipletests

from synfer.connectome import Connectome
from synfer.discover import ConditionalGranger, EventRegression, Samples, SpikeGLM
from synfer.discover.significance.around import fit_fresh, off_diagonal
from synfer.trust.measures import pairs_of
from synfer.trust.own import OwnHistory
from synfer.trust.predictor import Prediction
from synfer.trust.sparse import full_criterion, sparse_fit
from synfer.trust.twins import signal_kind
from synfer.trust.two_groups import Belief, expected_auroc, two_groups

LAGS = (1, 2, 3, 5)  # of regressions
AS_GOOD = 0.05  # nats a sample and unit, of Schwarz's criterion: models no worse than that are asked what they tell
TOGETHER = 5.0  # expected coincidences of two units' events below which a test of counts is far from its law
HEAVY = 5.0  # excess kurtosis of shocks that linear units do not have: spikes
SURE, UNSURE = 0.92, 0.65  # expected AUROC of the reference itself
WARN_BELOW = 0.84
"""Predicted AUROC below which a card by reference warns: 97 % of answers below .8 of the kinds built on are so."""
HALF_WIDTHS = {
    "sure": {"auroc": 0.15, "fdr": 0.44, "power": 0.16},
    "unsure": {"auroc": 0.2, "fdr": 0.41, "power": 0.32},
    "blind": {"auroc": 0.27, "fdr": 0.78, "power": 0.06},
}
"""Of 90 % intervals, by how sure the reference is: what errors on the 35 kinds of `bench/trust.py` and
`bench/trust_built.py` came to, each kind of equal weight and one more counted that is always missed."""
ALPHA = 0.05


@dataclasses.dataclass(frozen=True)
class Reference:
    """Who believes what of the recording's pairs.

    Attributes
    ----------
    by : str
        The method, of those made for the signal the one whose p-values tell most.
    share : float
        Expected share of pairs with an edge.
    information : float
        Bits a pair that its p-values tell, beyond the share.
    sureness : float
        AUROC expected of the reference itself, if its p-values are right.
    known : float
        Share of pairs with a p-value.
    foreign : bool
        The signal is of spiking units in which no spikes were found: no method here is made for that.
    """

    by: str
    share: float
    information: float
    sureness: float
    known: float
    foreign: bool

    @property
    def class_(self) -> str:
        """Which intervals are its predictions': "sure", "unsure" or "blind"."""
        if self.foreign:
            return "unsure"
        return "sure" if self.sureness >= SURE else "unsure" if self.sureness >= UNSURE else "blind"


def reference_of(samples: Samples, own: list[OwnHistory]) -> tuple[Reference, Belief] | None:
    """Ask each method made for such samples, and take the one that tells most.

    - Counts: `SpikeGLM` with long and short filters, `ConditionalGranger`; pairs of fewer than 5 expected coincidences
      within the filter have no p-value.
    - A signal "v" with resets: `EventRegression` of 1, 3 and 10 lags.
    - Everything else: `ConditionalGranger` and `sparse_granger` of 1, 2, 3 and 5 lags, of these only the ones that
      forecast about as well as the best (Schwarz's criterion, .05 nats a sample and unit): what a model leaves out
      (a lag, a unit's own curvature) looks like edges, which tell a lot and are none. They are asked, too, where what
      is made for counts or voltages tells nothing, and half is believed of each: units may act otherwise than by what
      those see.

    Parameters
    ----------
    samples : Samples
    own : list of OwnHistory
        Of its units.

    Returns
    -------
    Reference and Belief, of pairs (target, source) off the diagonal row by row; or None
        None where no method could be fitted.
    """
    kind = signal_kind(samples)
    asked = list(_of_counts(samples)) if kind == "counts" else list(_of_events(samples)) if kind == "voltage" else []
    foreign = not asked and float(np.median([kurtosis(unit.shocks) for unit in own])) > HEAVY
    told = _most_told(asked or as_good(_of_anything(samples)))
    if asked and told is not None and told[1].sureness < UNSURE:
        other = _most_told(as_good(_of_anything(samples)))
        told = told if other is None else _half_each(told, other)
    if told is None:
        return None
    by, best = told
    return Reference(by, best.share, best.information, best.sureness, best.known, foreign), best


def _most_told(asked: Iterable[Told]) -> tuple[str, Belief] | None:
    """Who tells most, and what; None where nobody tells anything."""
    beliefs = [(name, two_groups(off_diagonal(pvalue))) for name, pvalue in asked]
    told = [(name, belief) for name, belief in beliefs if belief is not None]
    return max(told, key=lambda one: one[1].information) if told else None


def _half_each(one: tuple[str, Belief], other: tuple[str, Belief]) -> tuple[str, Belief]:
    """Two models of which either may be the right one: each pair's probabilities' mean."""
    (a, first), (b, second) = one, other
    probability = 0.5 * (first.probability + second.probability)
    return f"{a}, half; {b}, half", Belief(probability, first.known, 0.5 * (first.scale + second.scale))


def predictions(found: Connectome, reference: Reference, belief: Belief) -> dict[str, Prediction]:
    """What a connectome comes to if the reference is right: AUROC; FDR and power (Benjamini and Hochberg, .05) too."""
    p = belief.probability
    made = {"auroc": expected_auroc(pairs_of(found), p)}
    if found.pvalue is not None:
        pvalue = off_diagonal(np.asarray(found.pvalue, dtype=np.float64))
        tested = np.isfinite(pvalue)
        rejected = np.zeros(len(p), dtype=bool)
        if tested.any():
            rejected[tested] = multipletests(pvalue[tested], ALPHA, method="fdr_bh")[0]
        made["fdr"] = float((1.0 - p[rejected]).mean()) if rejected.any() else 0.0
        made["power"] = float(p[rejected].sum() / max(p[tested].sum(), 1e-12))
    widths = HALF_WIDTHS[reference.class_]
    return {
        name: Prediction(value, max(value - widths[name], 0.0), min(value + widths[name], 1.0))
        for name, value in made.items()
    }


Told = tuple[str, np.ndarray]


def _of_counts(samples: Samples) -> Iterator[Told]:
    events = np.sum([segment.sum(axis=0, dtype=np.float64) for segment in samples.segments], axis=0)
    for method, window in (
        (SpikeGLM(), 50),
        (SpikeGLM(window=10, n_basis=3), 10),
        (ConditionalGranger(), 5),
        (ConditionalGranger(lag=5), 5),
    ):
        for name, pvalue in _fitted(samples, method):
            few = np.outer(events, events) * window / samples.n_samples < TOGETHER
            yield name, np.where(few, np.nan, pvalue)


def _of_events(samples: Samples) -> Iterator[Told]:
    for lags in (1, 3, 10):
        yield from _fitted(samples, EventRegression(lags=lags))


def _of_anything(samples: Samples) -> Iterator[tuple[Told, float]]:
    """Regressions, each with its criterion."""
    for lags in LAGS:
        if samples.n_samples > 20 * lags:
            pvalue, criterion = sparse_fit(samples.segments, lags)
            yield (f"sparse Granger, {lags} lag{'s' * (lags > 1)}", pvalue), criterion
            for told in _fitted(samples, ConditionalGranger(lag=lags)):
                yield told, full_criterion(samples.segments, lags)


def as_good(models: Iterable[tuple[Told, float]]) -> list[Told]:
    """Those whose criterion is within `AS_GOOD` of the least."""
    found = list(models)
    least = min((criterion for _, criterion in found), default=0.0)
    return [told for told, criterion in found if criterion <= least + AS_GOOD]


def _fitted(samples: Samples, method: ConditionalGranger | EventRegression | SpikeGLM) -> Iterator[Told]:
    keep: Callable[[Samples, int], Samples] = lambda given, _: given  # noqa: E731
    answer, _ = fit_fresh(method, keep, samples, 0)
    if answer is not None and answer.pvalue is not None:
        yield " ".join(repr(method).split()), np.asarray(answer.pvalue, dtype=np.float64)
