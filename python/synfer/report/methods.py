"""What the page says in words: how the answer was found, by whom it was thought of, and what it does not mean."""

from __future__ import annotations

import inspect
import re

import numpy as np

from synfer.connectome import Connectome
from synfer.discover.origin import method_of
from synfer.recording import Recording
from synfer.report.evidence import ALPHA, Evidence, evidence_of
from synfer.trust.card import Card
from synfer.trust.words import NAMES, interval_of

CAUTIONS = (
    "An edge says that the past of one unit helps to foretell another beyond that other's own past and the rest of the "
    "recorded population: effective connectivity. It does not say that there is a synapse.",
    "Inputs that were not recorded bias every method: two units that share one look connected, and strong recurrence "
    "makes pairs look connected that are not (Das and Fiete, Nature Neuroscience 23, 2020, 1286-1296; Liang and "
    "Brinkman, 2023).",
    "A score ranks pairs and is no probability. Where there are p-values they are of each pair alone: choose edges by "
    "a correction for all of them.",
)


CORRECTION = "Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57 (1995), 289-300."


def paragraph(
    connectome: Connectome, recording: Recording | None, card: Card | None = None, evidence: Evidence | None = None
) -> str:
    """Sentences for a methods section: what was given, the method, how edges were called, and how far to trust them."""
    made = method_of(connectome)
    first = "" if made is None else inspect.cleandoc(made.__doc__ or "").partition("\n")[0].strip()
    told = [one for one in [_given(connectome, recording)] if one]
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
    return " ".join(
        [*told, _called(connectome, evidence_of(connectome) if evidence is None else evidence), _trusted(card)]
    )


def _given(connectome: Connectome, recording: Recording | None) -> str:
    """What the fit was given: of how many units, from which file, which seconds of it, in how many trials."""
    given = connectome.provenance.get("given")
    if isinstance(given, dict) and {"signal", "stretches", "samples"} <= set(given):
        signal, trials, samples = given["signal"], given["stretches"], given["samples"]
        dt, t0, file = connectome.dt, given.get("t0"), given.get("file")
    elif recording is not None:
        signal, trials = None, 1 if recording.leading is None else recording.shape[0]
        samples, dt, t0 = trials * recording.n_samples, recording.dt, recording.t0
        file = recording.read_from
    else:
        return ""
    if file is None and recording is not None:
        file = recording.read_from
    what = "Activity" if signal is None else f"Signal {signal!r}"
    source = "" if file is None else f", read from {file},"
    networks = recording is not None and recording.leading == "network"
    cut = "" if trials == 1 else f", in each of {trials} networks" if networks else f", cut into {trials} trials"
    span = f", {samples} samples{'' if trials == 1 else ' in all'}"
    if dt is not None:
        seconds = samples * dt
        if trials > 1:
            cut += f"{',' if networks else ' of'} {_seconds(seconds / trials)} s each"
        elif t0 is not None:
            cut = f" from {_seconds(t0)} to {_seconds(t0 + seconds)} s"
        span += f" ({_seconds(seconds)} s, at a step of {_seconds(dt)} s)"
    return f"{what} of {connectome.n_units} units{source} was given{cut}{span}."


def _seconds(value: float) -> str:
    """A number of seconds to the nanosecond, and no finer than floats are; never by a power of ten."""
    return np.format_float_positional(float(f"{round(value, 9):.15g}") or value, trim="-")


def _called(connectome: Connectome, evidence: Evidence) -> str:
    """By which criterion edges were called."""
    if connectome.pvalue is None or evidence.called is None:
        return "The method gives no p-values: pairs were ranked by score, and no threshold was applied."
    pvalue = np.asarray(connectome.to_matrix().pvalue, dtype=float)
    tested = int(np.sum(np.isfinite(pvalue) & ~np.eye(len(pvalue), dtype=bool)))
    n = len(evidence.called)
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


def doubts(connectome: Connectome, evidence: Evidence) -> list[str]:
    """What of this very answer its reader should know first."""
    found = []
    if connectome.converged is False:
        found.append("The fit did not converge; what follows is not a finished answer.")
    if (connectome.method or "").endswith(".instantaneous_"):
        found.append("Coupling within a sample has no direction: each pair stands here twice, and arrows mean nothing.")
    elif connectome.parameters.get("instantaneous"):
        found.append(
            "Scores and weights count what two units share within a sample, too, which has no direction; p-values, and "
            "the edges called by them, are of lags alone."
            + (" What is shared stands below by itself." if connectome.instantaneous is not None else "")
        )
    if evidence.called is None:
        found.append("The method gives no p-values: how many of the edges are true is not known.")
    else:
        n, pairs = len(evidence.called), connectome.n_units * (connectome.n_units - 1)
        found.append(f"{n} of {pairs} pairs stand at a false discovery rate of .05 (Benjamini and Hochberg).")
    return found
