"""Fitted models in files of checkpoints' form: read back whole, or refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from synfer.errors import FileError
from synfer.io.checkpoints import load_checkpoint
from synfer.storage import StrPath, as_path

Made = TypeVar("Made")


def load_model(path: StrPath, work: str, schema: int, make: Callable[[dict[str, Any]], Made]) -> Made:
    """Give what ``make`` makes of a file's state, which has a number "schema" of at most ``schema``.

    Raises
    ------
    FileError
        There is no such file, it is of other ``work``, a newer synfer wrote it, or its contents are damaged.
    InputError
        ``path`` names no file.
    """
    cannot = f"cannot read {str(as_path(path))!r}: "
    state = load_checkpoint(path, work)
    if state is None:
        raise FileError(f"{cannot}there is no such file.")
    found = state.get("schema")
    if not isinstance(found, int):
        raise FileError(f"{cannot}its contents are damaged (schema must be a number, got {found!r:.60}).")
    if found > schema:
        raise FileError(f"{cannot}a newer synfer wrote it (schema {found}, known here up to {schema}); upgrade.")
    try:
        return make(state)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise FileError(f"{cannot}its contents are damaged ({type(error).__name__}: {error}).") from None
