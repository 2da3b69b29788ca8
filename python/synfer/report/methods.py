"""What the page says in words: how the answer was found, by whom it was thought of, and what it does not mean."""

from __future__ import annotations

import inspect
import re

import numpy as np

from synfer.connectome import Connectome
from synfer.discover.origin import method_of
from synfer.errors import SynferError
from synfer.recording import Recording
from synfer.trust.card import NAMES, Card, interval_of

CAUTIONS = (
    "An edge says that the past of one unit helps to foretell another beyond that other's own past and the rest of the "
    "recorded population: effective connectivity. It does not say that there is a synapse.",
    "Inputs that were not recorded bias every method: two units that share one look connected, and strong recurrence "
    "makes pairs look connected that are not (Das and Fiete, Nature Neuroscience 23, 2020, 1286-1296; Liang and "
    "Brinkman, 2023).",
    "A score ranks pairs and is no probability. Where there are p-values they are of each pair alone: choose edges by "
    "a correction for all of them.",
)


ALPHA = 0.05
"""False discovery rate at which the page calls edges, where there are p-values."""
CORRECTION = "Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57 (1995), 289-300."


def paragraph(connectome: Connectome, recording: Recording | None, card: Card | None = None) -> str:
    """Sentences for a methods section: what was given, the method, how edges were called, and how far to trust them."""
    made = method_of(connectome)
    first = "" if made is None else inspect.cleandoc(made.__doc__ or "").partition("\n")[0].strip()
    told = []
    given = connectome.provenance.get("given")
    if isinstance(given, dict) and {"signal", "stretches", "samples"} <= set(given):
        what = "Activity" if given["signal"] is None else f"Signal {given['signal']!r}"
        cut = "" if given["stretches"] == 1 else f" in {given['stretches']} stretches"
        long = (
            ""
            if connectome.dt is None
            else f" ({given['samples'] * connectome.dt:g} s, at a step of {connectome.dt:g} s)"
        )
        together = "" if given["stretches"] == 1 else " in all"
        told.append(f"{what} of {connectome.n_units} units was given{cut}, {given['samples']} samples{together}{long}.")
    elif recording is not None:
        trials = "" if recording.leading is None else f" in each of {recording.shape[0]} {recording.leading}s"
        told.append(
            f"Activity of {recording.n_units} units was given for {recording.duration:g} s{trials}, at a step of "
            f"{recording.dt:g} s."
        )
    name = connectome.method or "an unnamed method"
    told.append(f"Directed connectivity was estimated with synfer {connectome.versions.get('synfer', '?')} by {name}.")
    if first:
        told.append(first)
    if connectome.parameters:
        settings = ", ".join(f"{key} = {value}" for key, value in connectome.parameters.items())
        told.append(f"Settings: {settings}.")
    if connectome.seed is not None:
        told.append(f"Its random numbers were drawn from seed {connectome.seed}.")
    if connectome.converged is False:
        told.append("The fit did not converge: do not rely on it.")
    return " ".join([*told, _called(connectome), _trusted(card)])


def _called(connectome: Connectome) -> str:
    """By which criterion edges were called."""
    if connectome.pvalue is None:
        return "The method gives no p-values: pairs were ranked by score, and no threshold was applied."
    pvalue = np.asarray(connectome.to_matrix().pvalue, dtype=float)
    tested = int(np.sum(np.isfinite(pvalue) & ~np.eye(len(pvalue), dtype=bool)))
    n = len(connectome.edges(alpha=ALPHA))
    return (
        f"A pair was called an edge where its p-value, corrected for all {tested} pairs tested by the procedure of "
        f"Benjamini and Hochberg, was at most {ALPHA:g} (a false discovery rate of {ALPHA:.0%}): {n} "
        f"{'edge' if n == 1 else 'edges'}."
    )


def _trusted(card: Card | None) -> str:
    """What a trust card predicts."""
    if card is None:
        return "How far this can be trusted was not assessed (synfer trust)."
    if not card.predicted:
        return "A trust card was made and predicts nothing; its checks are told with the result."
    figures = ", ".join(
        f"{'an' if name == 'auroc' else 'a'} {NAMES[name]} of {interval_of(one)}" for name, one in card.told.items()
    )
    rests = (
        "the recordings of known systems that it was learnt from"
        if card.reference is None
        else f"the p-values of {card.reference.by}"
    )
    return (
        f"Held against the unknown wiring of the recorded units, synfer's trust card predicts, this connectome has "
        f"{figures}. The prediction rests on {rests}, beside {card.fits} fits to this recording and to data like it."
    )


def references(connectome: Connectome) -> list[str]:
    """The sources that the method's own documentation names, and that of the correction where edges were called."""
    made = method_of(connectome)
    text = "" if made is None else inspect.cleandoc(made.__doc__ or "")
    found = re.search(r"^References\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL)
    named = [] if found is None else [" ".join(part.split()) for part in found[1].strip().split("\n\n")]
    return named if connectome.pvalue is None else [*named, CORRECTION]


def doubts(connectome: Connectome) -> list[str]:
    """What of this very answer its reader should know first."""
    found = []
    if connectome.converged is False:
        found.append("The fit did not converge; what follows is not a finished answer.")
    if connectome.pvalue is None:
        found.append("The method gives no p-values: how many of the edges are true is not known.")
    else:
        try:
            n = len(connectome.edges(alpha=ALPHA))
        except SynferError:
            n = 0
        pairs = connectome.n_units * (connectome.n_units - 1)
        found.append(f"{n} of {pairs} pairs stand at a false discovery rate of .05 (Benjamini and Hochberg).")
    return found
