"""One connectome's units under the labels that another gives them: by pairs of labels, or by position."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from typing import Any

from synfer.connectome import Connectome
from synfer.errors import FileError, InputError, ShapeError
from synfer.storage import StrPath, as_path

HEADER = ("estimate", "truth")
"""What the first line of a file of labels may say, in either order: which column is whose."""


def truth_by_labels(truth: Connectome, estimate: Connectome, pairs: Sequence[tuple[Any, Any]]) -> Connectome:
    """Give the units of the truth the labels that they have in an estimate, and leave out those that it lacks.

    Parameters
    ----------
    truth, estimate : Connectome
    pairs : sequence of (label, label)
        Of each unit of the estimate its label there, and in the truth. A label is known by its text: "3" is 3.

    Returns
    -------
    Connectome
        The truth among the units of the estimate, under the estimate's labels and in its order.

    Raises
    ------
    InputError
        A label is of no unit, is given twice, or a unit of the estimate has none.
    """
    given = [(str(one), str(other)) for one, other in pairs]
    of_estimate, of_truth = (
        {str(label): label for label in connectome.unit_ids.tolist()} for connectome in (estimate, truth)
    )
    for k, (name, known) in enumerate((("estimate", of_estimate), ("truth", of_truth))):
        counts = Counter(pair[k] for pair in given)
        unknown, twice = [one for one in counts if one not in known], [one for one, n in counts.items() if n > 1]
        if unknown:
            raise InputError(
                f"units: {_listed(unknown)} {'is no label' if len(unknown) == 1 else 'are no labels'} of the {name}, "
                f"whose units are {_listed(list(known))}."
            )
        if twice:
            raise InputError(
                f"units: {_listed(twice)} of the {name} {'is' if len(twice) == 1 else 'are'} named more than once; "
                "each unit has one label."
            )
    by_estimate = dict(given)
    lacking = [one for one in of_estimate if one not in by_estimate]
    if lacking:
        raise InputError(
            f"units must name a unit of the truth for each of the {len(of_estimate)} of the estimate; "
            f"{_listed(lacking)} {'has' if len(lacking) == 1 else 'have'} none."
        )
    chosen = truth.sel([of_truth[by_estimate[one]] for one in of_estimate])
    return chosen.rename(estimate.unit_ids)


def truth_by_position(truth: Connectome, estimate: Connectome) -> Connectome:
    """Give the units of the truth the labels of an estimate, the first that of the first, and so on.

    Raises
    ------
    ShapeError
        They do not have as many units.
    """
    if truth.n_units != estimate.n_units:
        raise ShapeError(
            f"estimate must have as many units as the truth, {truth.n_units}, to be matched by position; got "
            f"{estimate.n_units}: name those that belong together, on the shell --units."
        )
    return truth.rename(estimate.unit_ids)


def read_pairs(path: StrPath) -> list[tuple[str, str]]:
    """Read pairs of labels from text, a line a unit: its label in the estimate, a comma, and that in the truth.

    A first line ``estimate,truth`` or ``truth,estimate`` says which column is whose. In .tsv a tab parts them.

    Raises
    ------
    FileError
        The file cannot be read.
    InputError
        A line has other than two labels, or there is none.
    """
    name = as_path(path).name
    lines = []
    try:
        with as_path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter="\t" if as_path(path).suffix.lower() == ".tsv" else ",")
            for line in reader:
                cells = [cell.strip() for cell in line]
                if any(cells) and not (len(cells) == 2 and all(cells)):
                    raise InputError(
                        "units must be a line a unit, its label in the estimate and that in the truth; line "
                        f"{reader.line_num} of {name!r} is {', '.join(cells)!r:.60}."
                    )
                if any(cells):
                    lines.append((cells[0], cells[1]))
    except OSError as error:
        raise FileError(f"cannot read {str(path)!r}: {error.strerror or error}.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"cannot read {str(path)!r} as pairs of labels: {error}.") from None
    header = tuple(cell.lower() for cell in lines[0]) if lines else ()
    if sorted(header) == sorted(HEADER):
        lines = lines[1:] if header == HEADER else [(one, other) for other, one in lines[1:]]
    if not lines:
        raise InputError(
            f"units must be a line a unit, its label in the estimate and that in the truth; {name!r} has none."
        )
    return lines


def _listed(labels: list[str]) -> str:
    return ", ".join(map(repr, labels[:5])) + (", ..." if len(labels) > 5 else "")
