"""What the page says of the fit itself: how well it forecast, and whether it came to an end."""

from __future__ import annotations

from typing import Any

import numpy as np

from synfer.connectome import Connectome, Learnt
from synfer.discover.origin import method_of
from synfer.report import figures, markup
from synfer.trust.card import Card

BESIDE = (
    "A good forecast is not a good connectome: most of what comes next is told by a unit's own past. In Lu et al. "
    "(2023) R² stays at .95 while the graph falls from an AUROC of .97 to .76. Too low an R², on the other hand, says "
    "that there was nothing to read edges from."
)


def sections(connectome: Connectome, card: Card | None) -> list[str]:
    """Forecast against activity, and convergence, of a connectome that one of synfer's methods found."""
    if method_of(connectome) is None and connectome.learnt is None:
        return []  # a truth, or another program's
    learnt = connectome.learnt or Learnt()
    return [
        markup.section("Forecast against activity", _forecast(connectome, learnt, card)),
        markup.section("Convergence", _convergence(connectome, learnt)),
    ]


def _forecast(connectome: Connectome, learnt: Learnt, card: Card | None) -> str:
    told: dict[str, Any] = {}
    drawn = ""
    if learnt.forecast is not None:
        caption = (
            "Grey: what was measured. Orange: the forecast of each sample from those before it. Units evenly from the "
            f"best forecast to the worst; the last {len(learnt.times)} samples."
        )
        drawn = markup.figure(figures.forecast(learnt, connectome.dt is not None), caption)
        known = learnt.r2[np.isfinite(learnt.r2)]
        which = f"the last {learnt.n_forecast} samples, which it " + (
            "did not learn from" if learnt.held_out else "learnt from too, so rather too high"
        )
        told["R² of the forecast"] = (
            f"{known.mean():.3f} (mean over units; {known.min():.3f} to {known.max():.3f}) of {which}"
            if known.size
            else f"none: no unit varies in {which}"
        )
    if card is not None and card.forecasts is not None:
        f = card.forecasts
        told["R² of a fit to the first four fifths, of the rest"] = (
            f"{f.full:.3f}; from each unit's own past alone {f.own:.3f} ({f.by})"
        )
    if drawn:
        return drawn + markup.known(told) + markup.p(BESIDE)
    made = method_of(connectome)
    none = (
        f"{connectome.method} makes no forecast of the next sample that could be held against activity."
        if made is not None and not hasattr(made, "predict")
        else "The file keeps no forecast: it was made by an older synfer, or from too few samples."
    )
    return markup.p(none) + markup.known(told)


def _convergence(connectome: Connectome, learnt: Learnt) -> str:
    ended = {True: "yes", False: "no: do not rely on it", None: "the method does not say"}
    told: dict[str, Any] = {"converged": ended[connectome.converged]}
    if learnt.training_loss is None:
        trained = "It was not trained step by step: there is no course of a loss to show."
        return markup.known(told | _words(learnt)) + ("" if connectome.learnt is None else markup.p(trained))
    epochs = np.isfinite(learnt.training_loss).sum(axis=1)
    told["initialisations"] = len(epochs)
    told["epochs"] = f"{epochs.min()} to {epochs.max()}" if np.ptp(epochs) else int(epochs[0])
    caption = "Mean loss of each pass through the samples, a colour an initialisation" + (
        "; dots: the weights that were kept." if learnt.kept_epoch is not None else "."
    )
    return markup.figure(figures.losses(learnt), caption) + markup.known(told | _words(learnt))


def _words(learnt: Learnt) -> dict[str, Any]:
    return {name: {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
            for name, value in learnt.told.items()}  # fmt: skip
