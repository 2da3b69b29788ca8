"""The card: what was asked, what was answered, and what that lets expect."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import types
import typing
from typing import Any

import numpy as np

from synfer.connectome import Connectome
from synfer.errors import FileError
from synfer.storage import StrPath, as_path, version_of, written_whole
from synfer.trust.forecasts import KPSS_LEVEL, Course, Forecasts
from synfer.trust.predictor import GOOD, OUTCOMES, Prediction, Predictor
from synfer.trust.reference import SURE, UNSURE, Reference

SCHEMA = 1
LARGEST = 10_000_000
"""Characters of a card's file that are read; a card has some thousands."""
NAMES = {"auroc": "AUROC", "fdr": "false discovery rate", "power": "power"}
MEANINGS = {
    "auroc": "the chance that a true edge scores above a pair without one; 0.5 is guessing, 1 is perfect",
    "fdr": "the share of the edges called significant that are false",
    "power": "the share of the true edges that are called significant",
}
"""What each prediction is, in words that need no other."""
MOSTLY = 0.5
"""Share of false edges among those called significant above which none of them is to be read."""


@dataclasses.dataclass(frozen=True)
class Null:
    """What the method says where there is no edge.

    Attributes
    ----------
    kind : str
        "twins", or the surrogate's name.
    n : int
        Fits that gave an answer.
    rejected : float or None
        Share of pairs with p < .05 (uncorrected: .05 is right); None where there are no p-values.
    level : float
        95 % of its scores are below.
    made : dict
        Of twins: their kind, what was matched, and how near.
    """

    kind: str
    n: int
    rejected: float | None
    level: float
    made: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Power:
    """Planted edges of one strength.

    Attributes
    ----------
    strength : float
        Deviations of the target's own shocks for one of the source; of events, the chance that one makes another.
    planted, found : int
        Found: of Benjamini and Hochberg's p < .05, or, without p-values, scored above 95 % of the first null's.
    share, low, high : float
        found / planted with Wilson's 95 % interval.
    auroc : float
        Chance that a planted edge outscores another pair of low score.
    """

    strength: float
    planted: int
    found: int
    share: float
    low: float
    high: float
    auroc: float


@dataclasses.dataclass(frozen=True)
class Card:
    """How far a connectome can be trusted; of `synfer.trust.assess`.

    Attributes
    ----------
    method : str
    n_units, n_samples : int
    nulls : list of Null
    halves, initialisations : float or None
        Rank correlations of scores; None where not asked, or where the method draws no random numbers.
    echo : float or None
        AUROC with which the method finds again what it found, where that is known to be the truth: in linear networks
        fitted to the recording, wired as was found.
    power : list of Power
    forecasts : Forecasts or None
    course : Course
    converged : bool or None
        Of the fit itself.
    unconverged : int
        Of the ``fits`` made for the card.
    fits : int
    features : dict of str to float
    reference : Reference or None
        Which method made for such a signal the prediction believes; None where it is learnt from a table, or not asked.
    predicted : dict of str to Prediction
        "auroc", "fdr", "power"; empty where there is nothing to predict from.
    strange : list of str
        Features beyond what the prediction was learnt from.
    warn_below : float or None
        Predicted AUROC below which is warned.
    about : dict
        Settings, seed, versions, and the size of the table behind the prediction.
    digest : str or None
        `digest_of` the connectome; None where the card was made by an earlier version.
    left_out : dict of str to str
        Nulls to which no fit succeeded, and why.
    """

    method: str
    n_units: int
    n_samples: int
    nulls: list[Null]
    halves: float | None
    initialisations: float | None
    echo: float | None
    power: list[Power]
    forecasts: Forecasts | None
    course: Course
    converged: bool | None
    unconverged: int
    fits: int
    features: dict[str, float]
    reference: Reference | None
    predicted: dict[str, Prediction]
    strange: list[str]
    warn_below: float | None
    about: dict[str, Any]
    digest: str | None = None
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """What speaks against the answer, the gravest first; sentences."""
        found = []
        if self._is_doubtful:
            found.append(
                f"Predicted AUROC: {interval_of(self.predicted['auroc'])}. It may well be below {GOOD:g}: do not read "
                "single edges from this connectome."
            )
        if self.reference is not None and self.reference.sureness < UNSURE:
            found.append(
                "Nothing confirms this connectome: no method made for such a signal tells edges from other pairs in "
                f"this recording (the best, {self.reference.by}, comes to an AUROC of {self.reference.sureness:.2f}, "
                "and that if its p-values are right; 0.5 is guessing). A longer recording may tell."
            )
        if self.reference is not None and self.reference.foreign:
            found.append(
                "The units spike, but in this signal no spikes were found, and what is held against it is made for "
                "linear units: the prediction is a guess. Give spikes, or voltages called 'v' of every millisecond."
            )
        if self.converged is False:
            found.append("The fit did not converge: let it run longer before you read edges from it.")
        if 10 * self.unconverged > self.fits:
            found.append(
                f"{self.unconverged} of {self.fits} fits made for this card did not converge, or failed: its figures "
                "are rough."
            )
        found += [f"Left out, as every fit to it failed: {kind} ({why})" for kind, why in self.left_out.items()]
        for null in self.nulls:
            if null.rejected is not None and null.rejected > 0.1:
                found.append(
                    f"{null.rejected:.0%} of pairs have p < .05 in data like these without any edge ({null.kind}), "
                    "where 5% is right: p-values are too small, and edges called significant may be false."
                )
        if self.halves is not None and self.halves < 0.3:
            found.append(
                "Halves of the recording hardly agree on which pairs are strong (rank correlation "
                f"{self.halves:.2f}): it may be too short, or change on its way."
            )
        if self.initialisations is not None and self.initialisations < 0.5:
            found.append(f"Initialisations hardly agree (rank correlation {self.initialisations:.2f}): take more.")
        if self.power and max(one.share for one in self.power) < 0.5:
            found.append(
                "Less than half of even the strongest planted edges were found: an edge that is not called significant "
                "may be there all the same."
            )
        if self.forecasts is not None and self.forecasts.gain <= 0:
            linear = ", a linear one: counts may well be driven all the same" if "Granger" in self.forecasts.by else ""
            found.append(
                f"The others' past does not improve {self.forecasts.by}'s forecast of held-out samples{linear}."
            )
        if self.forecasts is not None and self.forecasts.together > 0.1:
            found.append(
                "Residuals are correlated at the same instant (root mean square "
                f"{self.forecasts.together:.2f}): a common input that was not recorded, or steps longer than delays."
            )
        if self.course.drifting > 0.1:
            found.append(
                f"The mean of {self.course.drifting:.0%} of the units drifts (KPSS above {KPSS_LEVEL:g}), and units "
                "that drift together look connected: take the drift out, or choose a steadier stretch."
            )
        if self.strange:
            found.append(
                "Unlike what the prediction was learnt from in " + ", ".join(self.strange) + ": it is a guess here."
            )
        if not self.predicted:
            found.append("No prediction: not asked for, or no method made for such a signal could be fitted to it.")
        return found

    @property
    def told(self) -> dict[str, Prediction]:
        """The predictions that mean something: where no edge is called significant, none of them can be false."""
        power = self.predicted.get("power")
        none = power is not None and power.value == 0.0
        return {name: one for name, one in self.predicted.items() if not (none and name == "fdr")}

    @property
    def advice(self) -> str:
        """What to do with the connectome, in one or two sentences; empty without a prediction."""
        if "auroc" not in self.predicted:
            return ""
        if self._is_to_be_left:
            better = self.reference
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
        fdr = self.told.get("fdr")
        if fdr is None:
            return told
        return (
            f"{told} Of 100 edges called significant expect {100 * fdr.value:.0f} to be false (90 % interval "
            f"{100 * fdr.low:.0f} to {100 * fdr.high:.0f})."
        )

    @property
    def _is_to_be_left(self) -> bool:
        """Whether edges are not to be read one by one: they are doubtful, mostly false, or nothing is known of them."""
        auroc, fdr, reference = self.predicted["auroc"], self.predicted.get("fdr"), self.reference
        return (
            auroc.value < (GOOD if self.warn_below is None else self.warn_below)
            or (fdr is not None and fdr.value > MOSTLY)
            or self.converged is False
            or bool(self.strange)
            or (reference is not None and (reference.foreign or reference.sureness < UNSURE))
        )

    @property
    def _is_doubtful(self) -> bool:
        auroc = self.predicted.get("auroc")
        return auroc is not None and self.warn_below is not None and auroc.value < self.warn_below

    def lines(self) -> list[str]:
        """The card as lines of text: predictions, what to do, answers, warnings."""
        told = [f"{self.method}, {self.n_units} units, {self.n_samples} samples; {self.fits} fits"]
        for name, one in self.told.items():
            told += [f"predicted {NAMES[name]:<21} {interval_of(one)}", f"{'':<31} {MEANINGS[name]}"]
        if self.advice:
            told.append(f"{'what to do':<31} {self.advice}")
        if self.reference is not None:
            told.append(f"{'the prediction rests on':<31} {rests_on(self.reference)}")
        for null in self.nulls:
            said = (
                "no p-values" if null.rejected is None else f"{null.rejected:.1%} of pairs have p < .05 (5% is right)"
            )
            near = f"; {null.made['matched']} alike within {null.made['deviation']:.1%}" if null.made else ""
            told.append(f"without edges, {null.kind:<16} {said}{near}")
        for name, value in (("halves agree", self.halves), ("initialisations agree", self.initialisations)):
            if value is not None:
                told.append(f"{name:<31} rank correlation {value:.2f} (1: the same order of pairs)")
        if self.echo is not None:
            told.append(f"{'finds its own answer again':<31} AUROC {self.echo:.2f} (in simulations wired as it found)")
        told += [
            f"planted, strength {one.strength:<13g} {one.found} of {one.planted} found; AUROC {one.auroc:.2f}"
            for one in self.power
        ]
        if self.forecasts is not None:
            f = self.forecasts
            told.append(f"forecast R2                     {f.full:.3f}, from own history {f.own:.3f} ({f.by})")
            told.append(
                f"residuals                       {f.coloured:.0%} of units not white; together {f.together:.2f}"
            )
        told.append(f"drifting units                  {self.course.drifting:.0%}")
        return told + [f"warning: {warning}" for warning in self.warnings]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, NaN as None."""
        made: dict[str, Any] = _plain(dataclasses.asdict(self))
        return made | {"warnings": self.warnings}

    def save(self, path: StrPath) -> None:
        """Write the card as JSON, whole or not at all.

        Raises
        ------
        FileError
            It cannot be written.
        """
        stamp = {"synfer_kind": "trust", "synfer_schema": SCHEMA, "synfer_version": version_of("synfer")}
        with written_whole(path) as draft:
            draft.write_text(json.dumps(stamp | self.to_dict(), indent=1, allow_nan=False), encoding="utf-8")

    @classmethod
    def load(cls, path: StrPath) -> Card:
        """Read a card that `save` wrote.

        Raises
        ------
        FileError
            The file is missing, damaged, of another kind or of a newer version.
        """
        try:
            with as_path(path).open(encoding="utf-8") as file:
                text = file.read(LARGEST + 1)
            if len(text) > LARGEST:
                raise ValueError(f"more than {LARGEST} characters")
            found = json.loads(text)
            kind, schema = found.get("synfer_kind"), found.get("synfer_schema")
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            raise FileError(f"cannot read {str(path)!r}: no trust card ({' '.join(str(error).split())}).") from None
        if kind != "trust" or not isinstance(schema, int):
            raise FileError(f"cannot read {str(path)!r}: no trust card of synfer, but {kind or 'something else'}.")
        if schema > SCHEMA:
            raise FileError(f"cannot read {str(path)!r}: written by a newer synfer; update this one.")
        try:
            found = {"digest": None, "left_out": {}} | found
            values = {field.name: found[field.name] for field in dataclasses.fields(cls)}
            values["nulls"] = [_made(Null, one) for one in values["nulls"]]
            values["power"] = [_made(Power, one) for one in values["power"]]
            values["forecasts"] = None if values["forecasts"] is None else _made(Forecasts, values["forecasts"])
            values["course"] = _made(Course, values["course"])
            values["reference"] = None if values["reference"] is None else _made(Reference, values["reference"])
            values["predicted"] = {name: _made(Prediction, one) for name, one in values["predicted"].items()}
            values["features"] = {k: math.nan if v is None else float(v) for k, v in values["features"].items()}
            card = _made(cls, values)
            card.lines()  # what is read can be told
            return card
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileError(f"cannot read {str(path)!r}: damaged ({type(error).__name__}: {error}).") from None

    def predict_by(self, predictor: Predictor | None) -> Card:
        """Give the card with the predictions of another predictor: its answers stay."""
        if predictor is None:
            return dataclasses.replace(self, reference=None, predicted={}, strange=[], warn_below=None)
        about = {**self.about, "table": {"kinds": predictor.n_kinds, "rows": predictor.n_rows}}
        made = {name: one for name, one in predictor.predict(self.features).items() if name in OUTCOMES}
        if not any(null.rejected is not None for null in self.nulls):
            made = {"auroc": made["auroc"]} if "auroc" in made else {}  # nothing is rejected without p-values
        strange = predictor.strange(self.features)
        return dataclasses.replace(
            self, reference=None, predicted=made, strange=strange, warn_below=predictor.warn_below, about=about
        )


def interval_of(one: Prediction) -> str:
    """Give a prediction as text: the number, and then its interval."""
    return f"{one.value:.2f} (90 % interval {one.low:.2f} to {one.high:.2f})"


def rests_on(reference: Reference) -> str:
    """Whose p-values a prediction by reference holds the connectome against, and what these are worth."""
    return (
        f"{reference.by}, which of the methods made for such a signal tells most of this recording: by its p-values "
        f"{reference.share:.0%} of pairs have an edge, and if they are right its own AUROC is {reference.sureness:.2f}"
    )


def _made(kind: type[Any], values: dict[str, Any]) -> Any:
    """Make a dataclass of what a file holds, each field of the type that it must have; NaN is written as null."""
    hints = typing.get_type_hints(kind)
    made = kind(**{k: math.nan if one is None and hints.get(k) is float else one for k, one in values.items()})
    for name, hint in hints.items():
        value = getattr(made, name)
        allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        plain = tuple(typing.get_origin(one) or one for one in allowed)
        as_number = float in plain and isinstance(value, int)
        if (bool not in plain and isinstance(value, bool)) or not (as_number or isinstance(value, plain)):
            raise TypeError(f"{name} must be {hint if len(allowed) > 1 else plain[0].__name__}")
    return made


def digest_of(connectome: Connectome) -> str:
    """Tell a connectome from others: by its scores and unit ids, in whatever order these stand."""
    matrix = connectome.to_matrix()
    ids = [str(unit) for unit in matrix.unit_ids.tolist()]
    order = sorted(range(len(ids)), key=ids.__getitem__)
    score = np.asarray(matrix.score, dtype=np.float64)[np.ix_(order, order)]
    np.fill_diagonal(score, 0.0)
    told = json.dumps([ids[k] for k in order]).encode()
    told += np.where(np.isnan(score), np.nan, score + 0.0).tobytes()  # one NaN, and no -0
    return hashlib.sha256(told).hexdigest()[:32]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else repr(value)
