"""What a card says in words: what speaks against an answer, what to do with it, and all of it as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synfer.trust.forecasts import KPSS_LEVEL
from synfer.trust.predictor import GOOD, Prediction
from synfer.trust.reference import SURE, UNSURE, Reference
from synfer.trust.resolution import coarse

if TYPE_CHECKING:
    from synfer.trust.card import Card, Null

NAMES = {"auroc": "AUROC", "fdr": "false discovery rate", "power": "power"}
MEANINGS = {
    "auroc": "the chance that a true edge scores above a pair without one; 0.5 is guessing, 1 is perfect",
    "fdr": "the share of the edges called significant that are false",
    "power": "the share of the true edges that are called significant",
}
"""What each prediction is, in words that need no other."""
MOSTLY = 0.5
"""Share of false edges among those called significant above which none of them is to be read."""


def warnings_of(card: Card) -> list[str]:
    """What speaks against the answer, the gravest first; sentences."""
    found = []
    within = bool(card.about.get("instantaneous"))
    if within and card.predicted:
        found.append(
            "Scores count what is shared within a sample, which nothing did that the prediction rests on: it is a "
            "guess here. P-values are of lags alone."
        )
    if _is_doubtful(card):
        found.append(
            f"Predicted AUROC: {interval_of(card.predicted['auroc'])}. It may well be below {GOOD:g}: do not read "
            "single edges from this connectome."
        )
    if card.reference is not None and card.reference.sureness < UNSURE:
        found.append(
            "Nothing confirms this connectome: no method made for such a signal tells edges from other pairs in "
            f"this recording (the best, {card.reference.by}, comes to an AUROC of {card.reference.sureness:.2f}, "
            "and that if its p-values are right; 0.5 is guessing). A longer recording may tell."
        )
    if card.reference is not None and card.reference.foreign:
        found.append(
            "The units spike, but in this signal no spikes were found, and what is held against it is made for "
            "linear units: the prediction is a guess. Give spikes, or voltages called 'v' of every millisecond."
        )
    if card.converged is False:
        found.append("The fit did not converge: let it run longer before you read edges from it.")
    if 10 * card.unconverged > card.fits:
        found.append(
            f"{card.unconverged} of {card.fits} fits made for this card did not converge, or failed: its figures "
            "are rough."
        )
    found += [f"Left out, as every fit to it failed: {kind} ({why})" for kind, why in card.left_out.items()]
    for null in card.nulls:
        if null.rejected is not None and null.rejected > 0.1:
            found.append(
                f"{null.rejected:.0%} of pairs have p < .05 in data like these without any edge ({null.kind}), "
                "where 5% is right: p-values are too small, and edges called significant may be false."
            )
    with_p = [null for null in card.nulls if null.rejected is not None]  # which alone a share of pairs is told of
    found += [told for null in with_p if (told := coarse(null.kind, null.n, null.pairs))]
    if card.halves is not None and card.halves < 0.3:
        found.append(
            "Halves of the recording hardly agree on which pairs are strong (rank correlation "
            f"{card.halves:.2f}): it may be too short, or change on its way."
        )
    if card.initialisations is not None and card.initialisations < 0.5:
        found.append(f"Initialisations hardly agree (rank correlation {card.initialisations:.2f}): take more.")
    if card.power and max(one.share for one in card.power) < 0.5:
        found.append(
            "Less than half of even the strongest planted edges were found: an edge that is not called significant "
            "may be there all the same."
        )
    if card.forecasts is not None and card.forecasts.gain <= 0:
        missed = ", a linear one: what acts otherwise, as on counts of spikes, it may miss"
        linear = missed if "Granger" in card.forecasts.by else ""
        found.append(f"The others' past does not improve {card.forecasts.by}'s forecast of held-out samples{linear}.")
    if card.forecasts is not None and card.forecasts.together > 0.1:
        found.append(
            "Residuals are correlated at the same instant (root mean square "
            f"{card.forecasts.together:.2f}): a common input that was not recorded, or steps longer than delays."
            + ("" if within else " Of fluorescence or counts these are taken account of by instantaneous=True.")
        )
    if card.course.drifting > 0.1:
        found.append(
            f"The mean of {card.course.drifting:.0%} of the units drifts (KPSS above {KPSS_LEVEL:g}), and units "
            "that drift together look connected: take the drift out, or choose a steadier stretch."
        )
    if card.strange:
        found.append(
            "Unlike what the prediction was learnt from in " + ", ".join(card.strange) + ": it is a guess here."
        )
    if not card.predicted:
        found.append("No prediction: not asked for, or no method made for such a signal could be fitted to it.")
    return found


def advice_of(card: Card) -> str:
    """What to do with the connectome, in one or two sentences; empty without a prediction."""
    if "auroc" not in card.predicted:
        return ""
    if _is_to_be_left(card):
        better = card.reference
        if better is not None and better.by.endswith(")") and not better.foreign and better.sureness >= SURE:
            return (
                f"Do not read single edges. {better.by} tells more of this recording, if its p-values are right: "
                "hold its answer beside this one."
            )
        return (
            "Do not read single edges. Say no more than what another method, and the other half of the recording, "
            "say too; a longer recording is what helps most."
        )
    told = "The strongest edges are worth a test of their own: a stimulus, or another recording."
    fdr = card.told.get("fdr")
    if fdr is None:
        return told
    return (
        f"{told} Of 100 edges called significant expect {100 * fdr.value:.0f} to be false (90 % interval "
        f"{100 * fdr.low:.0f} to {100 * fdr.high:.0f})."
    )


def _is_to_be_left(card: Card) -> bool:
    """Whether edges are not to be read one by one: they are doubtful, mostly false, or nothing is known of them."""
    auroc, fdr, reference = card.predicted["auroc"], card.predicted.get("fdr"), card.reference
    return (
        auroc.value < (GOOD if card.warn_below is None else card.warn_below)
        or (fdr is not None and fdr.value > MOSTLY)
        or card.converged is False
        or bool(card.strange)
        or (reference is not None and (reference.foreign or reference.sureness < UNSURE))
    )


def _is_doubtful(card: Card) -> bool:
    auroc = card.predicted.get("auroc")
    return auroc is not None and card.warn_below is not None and auroc.value < card.warn_below


def lines_of(card: Card) -> list[str]:
    """The card as lines of text: predictions, what to do, answers, warnings."""
    told = [f"{card.method}, {card.n_units} units, {card.n_samples} samples; {card.fits} fits"]
    for name, one in card.told.items():
        told += [f"predicted {NAMES[name]:<21} {interval_of(one)}", f"{'':<31} {MEANINGS[name]}"]
    if card.advice:
        told.append(f"{'what to do':<31} {card.advice}")
    if card.reference is not None:
        told.append(f"{'the prediction rests on':<31} {rests_on(card.reference)}")
    for null in card.nulls:
        said = rejected_of(null)
        near = f"; {null.made['matched']} alike within {null.made['deviation']:.1%}" if null.made else ""
        told.append(f"without edges, {null.kind:<16} {said}{near}")
    for name, value in (("halves agree", card.halves), ("initialisations agree", card.initialisations)):
        if value is not None:
            told.append(f"{name:<31} rank correlation {value:.2f} (1: the same order of pairs)")
    if card.echo is not None:
        told.append(f"{'finds its own answer again':<31} AUROC {card.echo:.2f} (in simulations wired as it found)")
    told += [
        f"planted, strength {one.strength:<13g} {one.found} of {one.planted} found; AUROC {one.auroc:.2f}"
        for one in card.power
    ]
    if card.forecasts is not None:
        f = card.forecasts
        told.append(f"forecast R2                     {f.full:.3f}, from own history {f.own:.3f} ({f.by})")
        told.append(f"residuals                       {f.coloured:.0%} of units not white; together {f.together:.2f}")
    told.append(f"drifting units                  {card.course.drifting:.0%}")
    return told + [f"warning: {warning}" for warning in card.warnings]


def interval_of(one: Prediction) -> str:
    """Give a prediction as text: the number, and then its interval."""
    return f"{one.value:.2f} (90 % interval {one.low:.2f} to {one.high:.2f})"


def rejected_of(null: Null) -> str:
    """Give the share of pairs rejected where there is no edge, of how many pairs in how many fits."""
    if null.rejected is None:
        return "no p-values"
    of = f" {null.pairs} pairs in {null.n} fit{'s' * (null.n != 1)}" if null.pairs else " pairs"
    return f"{null.rejected:.1%} of{of} have p < .05 (5% is right)"


def rests_on(reference: Reference) -> str:
    """Whose p-values a prediction by reference holds the connectome against, and what these are worth."""
    return (
        f"{reference.by}, which of the methods made for such a signal tells most of this recording: by its p-values "
        f"{reference.share:.0%} of pairs have an edge, and if they are right its own AUROC is {reference.sureness:.2f}"
    )
