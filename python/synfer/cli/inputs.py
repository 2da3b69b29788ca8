"""What was written on the command line, as what the library takes."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synfer.errors import FileError, InputError, UnknownNameError

if TYPE_CHECKING:
    from synfer.connectome import Connectome
    from synfer.recording import Recording

Dt = Annotated[
    float | None, typer.Option(help="Seconds a bin (spike times) or a sample (arrays), where the file has none.")
]
Series = Annotated[str | None, typer.Option(help="Which series of an NWB or Neo file.")]
Variable = Annotated[str | None, typer.Option(help="Which variable of a MATLAB or npz file.")]
Trials = Annotated[str | None, typer.Option(help="Intervals of an NWB file to cut it into, such as trials.")]
Time = Annotated[
    str | None,
    typer.Option(metavar="START:STOP", help="Only these seconds, such as 0:600, or 60: for all after a minute."),
]
Duration = Annotated[
    float | None,
    typer.Option(help="Seconds that a CSV list of spikes is of; by default it ends with its last spike."),
]
Units = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="Where units have other labels in the truth: a line a unit, its label in the estimate, a comma, that in "
        "the truth. Units of the truth that it leaves out are left out.",
    ),
]
ByPosition = Annotated[
    bool,
    typer.Option("--by-position", help="Match units by their order instead of their labels: the first with the first."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


def split(names: list[str]) -> list[str]:
    """Give the names between commas."""
    return [name.strip() for part in names for name in part.split(",") if name.strip()]


def span(text: str) -> slice:
    """Read "start:stop", seconds, of which either may be left out."""
    begin, colon, end = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return slice(*(float(part) if part.strip() else None for part in (begin, end)))
    except ValueError:
        raise InputError(f"--time takes START:STOP in seconds, such as 0:600; got {text!r}.") from None


def how_to_read(
    dt: float | None,
    series: str | None,
    variable: str | None,
    trials: str | None,
    time: str | None,
    duration: float | None,
) -> dict[str, Any]:
    """Options of `read_recording`, by their names on the shell, of which every command that reads has all."""
    return {
        "dt": dt,
        "series": series,
        "variable": variable,
        "trials": trials,
        "time": time,
        "duration": duration,
    }


def read_recording(path: Path, signal: str | None = None, **options: Any) -> Recording:
    """Read a recording in any form; options are for files of other tools."""
    from synfer.datasets import load_izhikevich
    from synfer.recording import Recording

    own = path.is_dir() or path.suffix.lower() in ("", ".nc")
    part = None if (text := options.pop("time", None)) is None else span(text)
    for name, value in options.items():
        if own and value is not None:
            raise InputError(f"--{name} is for files of other tools; a Recording of synfer's says it itself: {path}.")
    if not own:
        return Recording.from_file(path, time=part, **options)
    if path.is_dir():
        recording = load_izhikevich(path)[0]
    else:
        recording = Recording.load(path, signals=None if signal is None else [signal])
    return recording if part is None else recording[part]


def read_truth(path: Path) -> Connectome:
    """Read the wiring from a connectome, a network or a published folder."""
    from synfer.connectome import Connectome
    from synfer.datasets import load_izhikevich
    from synfer.network import Network

    if path.is_dir():
        return load_izhikevich(path)[1]
    try:
        return Connectome.load(path)
    except FileError as refusal:
        try:
            return Network.load(path).connectome
        except FileError:
            raise refusal from None


def read_matched_truth(path: Path, estimate: Connectome, units: Path | None, by_position: bool) -> Connectome:
    """Read the wiring (`read_truth`), its units under the labels of the estimate where it is said how these match."""
    from synfer.evaluate import read_pairs, truth_by_labels, truth_by_position

    if units is not None and by_position:
        raise InputError("--units and --by-position are two ways to match units; give one of them.")
    truth = read_truth(path)
    if by_position:
        return truth_by_position(truth, estimate)
    return truth if units is None else truth_by_labels(truth, estimate, read_pairs(units))


def parsed(assignment: str) -> tuple[str, Any]:
    """Read "name=value"; the value is a Python literal, true or false in any case, or else the text itself."""
    name, equals, text = assignment.partition("=")
    if not (name and equals):
        raise InputError(f"--set takes KEY=VALUE, such as n_init=3; got {assignment!r}.")
    if text.lower() in ("true", "false"):
        return name, text.lower() == "true"
    try:
        return name, ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # all that literal_eval may raise
        return name, text


def refuse_same_file(name: str, path: Path, other_name: str, other: Path) -> None:
    """Refuse one path for two files."""
    if path.resolve() == other.resolve():
        raise InputError(f"{name} must be another file than {other_name}, which it would replace; got {path} for both.")


def refuse_existing(name: str, path: Path, force: bool) -> None:
    """Refuse a file that is there already, unless it may be replaced."""
    if path.is_file() and not force:
        raise InputError(f"{name} {path} exists; give another name, or --force to replace it.")


def refuse_replacing(name: str, path: Path, others: dict[str, Path | None]) -> None:
    """Refuse a path that is one of the files to be read."""
    for other_name, other in others.items():
        if other is not None:
            refuse_same_file(name, path, other_name, other)


def refuse_given(options: dict[str, Any], why: str) -> None:
    """Refuse options, by their names, that would say nothing; those that are None were not given."""
    for name, value in options.items():
        if value is not None:
            raise InputError(f"--{name} {why}.")


def settings_of(assignments: list[str] | None, function: Callable[..., Any], what: str) -> dict[str, Any]:
    """Read "name=value" for a function's parameters that are numbers or names; others have options of their own."""
    settings = dict(parsed(assignment) for assignment in assignments or [])
    taken = ("n_jobs", "signal", "random_state")
    known = [
        name
        for name, one in inspect.signature(function).parameters.items()
        if name not in taken and isinstance(one.default, int | str | tuple)
    ]
    for name in settings:
        if name not in known:
            raise UnknownNameError.of(f"{what}: parameter", name, known)
    return settings
