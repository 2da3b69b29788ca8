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
from synfer.trust import words
from synfer.trust.forecasts import Course, Forecasts
from synfer.trust.predictor import OUTCOMES, Prediction, Predictor
from synfer.trust.reference import Reference

SCHEMA = 2
"""Of the file: 2 counts the pairs of each null, which those of schema 1 do not; both are read."""
LARGEST = 10_000_000
"""Characters of a card's file that are read; a card has some thousands."""


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
    pairs : int
        Pairs of distinct units in all fits that the share is of, or where there are no p-values the scores that the
        level is of; 0 in a card of an earlier version.
    """

    kind: str
    n: int
    rejected: float | None
    level: float
    made: dict[str, Any] = dataclasses.field(default_factory=dict)
    pairs: int = 0


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
        return words.warnings_of(self)

    @property
    def told(self) -> dict[str, Prediction]:
        """The predictions that mean something: where no edge is called significant, none of them can be false."""
        power = self.predicted.get("power")
        none = power is not None and power.value == 0.0
        return {name: one for name, one in self.predicted.items() if not (none and name == "fdr")}

    @property
    def advice(self) -> str:
        """What to do with the connectome, in one or two sentences; empty without a prediction."""
        return words.advice_of(self)

    def lines(self) -> list[str]:
        """The card as lines of text: predictions, what to do, answers, warnings."""
        return words.lines_of(self)

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
