"""Checkpoints: where long work stood, so that it can go on."""

from __future__ import annotations

import pickle
from typing import Any

import torch

from synfer.errors import FileError
from synfer.storage import StrPath, as_path, version_of, written_whole

SCHEMA = 1
"""Layout of the files written by this version; raised when an older version could misread them."""

_KIND = "checkpoint"


def save_checkpoint(path: StrPath, work: str, state: dict[str, Any]) -> None:
    """Write where some work stands, whole or not at all.

    Parameters
    ----------
    path : path
        Replaced where it exists.
    work : str
        Which work it is: whoever goes on must name the same. A fitted model's is its class, "synfer.forecast.LaDID".
    state : dict
        Tensors, numbers, strings, None, and lists and dicts of these.
    """
    stamp = {"synfer_kind": _KIND, "synfer_schema": SCHEMA, "synfer_version": version_of("synfer"), "work": work}
    with written_whole(path) as temporary:
        torch.save({**stamp, "state": state}, temporary)


def load_checkpoint(path: StrPath, work: str) -> dict[str, Any] | None:
    """Read where the work stood; None where there is no such file. Nothing in the file is executed.

    Raises
    ------
    FileError
        The file is no checkpoint or is damaged, was written by a newer version, or is of other work.
    """
    path = as_path(path)
    if not path.exists():
        return None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise FileError(f"{path}: not a checkpoint of synfer, or damaged ({type(error).__name__}).") from None
    if not isinstance(found, dict) or found.get("synfer_kind") != _KIND or not isinstance(found.get("state"), dict):
        raise FileError(f"{path}: not a checkpoint of synfer.")
    if found.get("synfer_schema") != SCHEMA:
        raise FileError(
            f"{path}: layout {found.get('synfer_schema')} was written by synfer {found.get('synfer_version')}; "
            f"this version reads layout {SCHEMA}."
        )
    if found.get("work") != work:
        raise FileError(f"{path}: {_other_work(found.get('work'), work)}")
    state: dict[str, Any] = found["state"]
    return state


def _other_work(found: Any, work: str) -> str:
    """Say what a file holds in place of what was wanted; no model that somebody saved is to be removed."""
    there, wanted = (str(one).rpartition(".")[2] if str(one).startswith("synfer.") else None for one in (found, work))
    if there and wanted:
        return f"it holds a {there}, not a {wanted}: use {there}.load."
    if there:
        return f"it holds a {there} that was saved, not a checkpoint of a fit: name another file."
    if wanted:
        return f"it holds how far a fit had come, not a {wanted} that was saved: name the file that save wrote."
    return "a checkpoint of another fit (of other data, parameters or seed): name another file, or remove it."
