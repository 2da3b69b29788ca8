"""What the page says of a trust card: what it predicts, what to do, and what it asked for that."""

from __future__ import annotations

from synfer.report import figures, markup
from synfer.trust.card import Card
from synfer.trust.words import MEANINGS, NAMES, rejected_of, rests_on

BY_TABLE = (
    "What recordings of other systems whose truth is known, with such answers, came to; 90 % intervals. No prediction "
    "can know of inputs that were not recorded."
)
BY_REFERENCE = (
    "Intervals are as wide as errors were on simulated recordings whose wiring is known. No prediction can know of "
    "inputs that were not recorded."
)


def section(card: Card) -> str:
    """Predictions, advice, the power curve, and what else was asked."""
    answers = {} if card.reference is None else {"the prediction rests on": rests_on(card.reference)}
    answers |= {"without edges: " + null.kind.replace("_", " "): rejected_of(null) for null in card.nulls}
    answers["halves of the recording agree"] = _rank(card.halves)
    answers["initialisations agree"] = _rank(card.initialisations)
    answers["finds its own answer again"] = (
        "" if card.echo is None else f"AUROC {card.echo:.2f}, in simulations wired as it found"
    )
    if card.forecasts is not None:
        f = card.forecasts
        answers["forecast"] = f"R2 {f.full:.3f}, from own history alone {f.own:.3f} ({f.by})"
        answers["residuals"] = f"{f.coloured:.0%} of units not white; correlation at one instant {f.together:.2f}"
    answers["drifting units"] = f"{card.course.drifting:.0%}"
    answers["fits for this card"] = f"{card.fits}, of which {card.unconverged} did not converge"
    drawn = ""
    if card.power:
        caption = (
            "Edges planted into this very recording: the share that was found, with 95 % intervals, by their strength "
            "(deviations of the target's own shocks; of events, the chance that one makes another)."
        )
        drawn = markup.figure(figures.power(card.power), caption)
    return _predicted(card) + markup.known({k: v for k, v in answers.items() if v}) + drawn


def _predicted(card: Card) -> str:
    """The numbers, then how sure they are, what they mean, and what to do."""
    if not card.predicted:
        return ""
    told = "".join(
        f"<p><b>{NAMES[name]} {one.value:.2f}</b> (90 % interval {one.low:.2f} to {one.high:.2f}): "
        f"{MEANINGS[name]}.</p>"
        for name, one in card.told.items()
    )
    note = BY_TABLE if card.reference is None else BY_REFERENCE
    advice = markup.p(f"What to do: {card.advice}") if card.advice else ""
    return f"{markup.p('Predicted:')}{told}{advice}<small>{note}</small>"


def _rank(value: float | None) -> str:
    return "" if value is None else f"rank correlation {value:.2f} (1: the same order of pairs)"
