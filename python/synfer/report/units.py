"""What the page says of units: which belong together, by brain area where it is known, and what a hover tells."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

AREAS = (
    "brain_area", "brain_region", "area", "region", "brain_structure", "structure", "structure_acronym",
    "ecephys_structure_acronym", "acronym", "anatomical_location", "location",
)  # fmt: skip
"""Names of a column of brain areas, in any case, a space or a hyphen for the underscore."""
MOST_GROUPS = 10
"""Values of a column that is not of areas up to which its units are taken to belong together by it."""
UNNAMED = "(unknown)"
COLOURS = (
    "#66c2a5", "#e6b33d", "#d793bc", "#8fc7ec", "#f0e886", "#b497d6", "#c8a48a", "#c3d06a", "#6fd0d6",
)  # fmt: skip
"""Light enough for ink on them, and none that edges have."""
OTHER = "#c4c8ce"
MOST_TOLD, LONGEST = 12, 40
"""Columns that a hover tells of a unit, and characters of each value."""


@dataclass(frozen=True)
class Groups:
    """Units that belong together.

    Attributes
    ----------
    column : str
        Of ``unit_info``, by which they do.
    of : list of str, (unit,)
        The group of each unit, in the units' order.
    names : list of str
        The groups in theirs: sorted values, and last what is not known.
    colours : dict of str to str
        Of each group; beyond nine named ones the smallest share a grey.
    """

    column: str
    of: list[str]
    names: list[str]
    colours: dict[str, str]

    @property
    def order(self) -> np.ndarray:
        """Positions of the units, (unit,), group by group, each in the order in which it was."""
        return np.argsort([self.names.index(name) for name in self.of], kind="stable")


def groups_of(info: pd.DataFrame) -> Groups | None:
    """Group units by a column of brain areas, else by the first of few values; None where none tells them apart."""
    areas = [name for wanted in AREAS for name in info.columns if _plain(name) == wanted]
    few = [name for name in info.columns if _is_of_few(info[name])]
    for name in (*areas, *few):
        column = info[name]
        known = pd.Series([value for value in column.tolist() if not _is_missing(value)], dtype=object)
        if known.nunique() < 2:
            continue
        names = [str(value) for value in sorted(known.unique())]
        of = [UNNAMED if _is_missing(value) else str(value) for value in column.tolist()]
        largest = sorted(names, key=lambda one: (-of.count(one), names.index(one)))[: len(COLOURS)]
        palette = iter(COLOURS)
        colours = {one: next(palette) if one in largest else OTHER for one in names} | {UNNAMED: OTHER}
        names += [UNNAMED] * (UNNAMED in of)
        return Groups(str(name), of, names, {one: colours[one] for one in names})
    return None


def told(info: pd.DataFrame, first: str | None = None) -> list[str]:
    """What a hover says of each unit beside its label, (unit,): a line a column, ``first`` before the others.

    Columns that say the same of all units are left out, as are those beyond `MOST_TOLD`.
    """
    telling = [name for name in info.columns if len(info) == 1 or len(info[name].drop_duplicates()) > 1]
    telling = sorted(telling, key=lambda name: name != first)[:MOST_TOLD]
    columns = [(html.escape(str(name), quote=False), info[name].tolist()) for name in telling]
    return [
        "".join(f"<br>· {name} {html.escape(_told(values[k]), quote=False)}" for name, values in columns)
        for k in range(len(info))
    ]


def short(text: Any, longest: int = 9) -> str:
    """Give the end of a label, which is where numbers stand, where there is no room for all of it."""
    text = str(text)
    return text if len(text) <= longest else "…" + text[1 - longest :]


def _plain(name: Any) -> str:
    return str(name).strip().lower().replace(" ", "_").replace("-", "_")


def _is_of_few(column: pd.Series) -> bool:
    """Whether units may belong together by it: words, truth values or whole numbers, few and each of several units."""
    kinds = column.nunique(dropna=True)
    return column.dtype.kind not in "fc" and 2 <= kinds <= MOST_GROUPS and kinds < len(column)


def _is_missing(value: Any) -> bool:
    return value == "" or value != value


def _told(value: Any) -> str:
    text = str(value)
    if isinstance(value, float):
        text = f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    begin = LONGEST // 2  # areas of one parent begin alike, and tell themselves apart by their end
    return text if len(text) <= LONGEST else f"{text[:begin]}…{text[begin + 1 - LONGEST :]}"
