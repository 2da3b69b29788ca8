"""What tells one estimator from another, so that a result which was kept counts for the same work alone."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import os
import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

import joblib
import numpy as np
import pandas as pd
import xarray as xr
from sklearn.base import BaseEstimator

EXACT = frozenset({type(None), type(...), bool, int, float, complex, str, bytes, range, slice})
"""Types whose repr says all that there is to say; what is derived from them may hold more than its repr tells."""
OWN = hashlib.blake2b(digest_size=16).hexdigest()
"""What `code_of` says of classes of synfer's alone."""


def told(parameters: Mapping[str, Any]) -> str:
    """Say parameters in full, by name: as repr does where that is exact, else by a digest of what they hold.

    Numpy, xarray and scikit-learn abbreviate what is long, so that two arrays would read as one.
    """
    return "[" + ", ".join(f"({name!r}, {told_of(parameters[name])})" for name in sorted(parameters)) + "]"


def told_of(value: Any) -> str:
    """Say one value in full, as `told` does."""
    if _is_exact(value):
        return repr(value)
    try:
        return f"{type(value).__name__}:{joblib.hash(_held(value))}"
    except Exception:  # whatever an object's own __reduce__ raises: nothing that was kept counts
        return f"{value!r} at {id(value):#x} of {os.getpid()}"


def code_of(estimator: BaseEstimator) -> str | None:
    """Digest of the modules that an estimator's classes, and those of estimators within it, are written in.

    Whole modules, for a class calls what stands beside it; not what these import. Not of synfer's own, which the
    version stands for. None where there is no file, as of a notebook's cells.
    """
    within = [value for value in estimator.get_params(deep=True).values() if isinstance(value, BaseEstimator)]
    kinds = {kind for one in (estimator, *within) for kind in type(one).__mro__}
    digest = hashlib.blake2b(digest_size=16)
    for kind in sorted(kinds, key=qualified):
        if _is_known(kind.__module__):
            continue
        text = _source(sys.modules.get(kind.__module__))  # of a notebook there is none
        if text is None:
            return None
        digest.update(f"{qualified(kind)}\n{text}\n".encode())
    return digest.hexdigest()


def code_of_function(function: Callable[..., Any]) -> str | None:
    """Digest of the module that a function is written in, of its place there and what it was given beforehand.

    Of synfer's own the name alone, for the version says the rest. Where there is no module to read, as in a notebook,
    of its own lines. None where there are none either.
    """
    given: list[Any] = []
    while isinstance(function, functools.partial):
        given, function = [*function.args, *given], function.func
    module = getattr(function, "__module__", None) or type(function).__module__
    name = f"{module}.{getattr(function, '__qualname__', type(function).__qualname__)}"
    if _is_known(module) and not given:
        return name
    text = name if _is_known(module) else _source(sys.modules.get(module)) or _source(function)
    if text is None:
        return None
    if inspect.isfunction(function):
        given += [function.__code__.co_firstlineno, inspect.getclosurevars(function).nonlocals]
    elif not inspect.isroutine(function):
        given.append(function)
    return hashlib.blake2b(f"{name} {told_of(given)}\n{text}".encode(), digest_size=16).hexdigest()


def qualified(kind: type) -> str:
    """Give a class's name with its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_exact(value: Any) -> bool:
    kind = type(value)
    if kind in (tuple, list):
        return all(map(_is_exact, value))
    if kind is dict:
        return all(_is_exact(part) for pair in value.items() for part in pair)
    if isinstance(value, type):
        return "<locals>" not in value.__qualname__  # those of two calls have one name
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        plain = f"{kind.__qualname__}({', '.join(f'{name}={held!r}' for name, held in fields.items())})"
        whole = set(getattr(value, "__dict__", fields)) <= set(fields) and repr(value) == plain
        return whole and _is_exact(kind) and all(map(_is_exact, fields.values()))
    # A function's name is not its code: with the address that its repr has, nothing that was kept counts.
    named = inspect.isfunction(value) or (inspect.isbuiltin(value) and inspect.ismodule(value.__self__))
    return kind in EXACT or named or isinstance(value, np.generic | pathlib.PurePath)


def _held(value: Any) -> Any:
    """Give what an object holds, without what it only remembers: caches, and what a fit left in it."""
    if isinstance(value, tuple | list):
        return [type(value).__name__, *map(_held, value)]
    if isinstance(value, dict):
        return {key: _held(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        return value.copy(order="C")  # the same numbers in another order of memory are the same
    if isinstance(value, BaseEstimator):
        return qualified(type(value)), _held(value.get_params(deep=False))
    if isinstance(value, pd.Series | pd.Index):
        return value.name, _held(value.to_frame(name="its values"))
    if isinstance(value, pd.DataFrame):
        return value.index.to_numpy(), list(value.columns), [column.to_numpy() for _, column in value.items()]
    if isinstance(value, xr.DataArray):
        return value.name, _held(value.to_dataset(name="its values"))
    if hasattr(value, "to_xarray"):
        value = value.to_xarray()  # a Recording or a Connectome
    if isinstance(value, xr.Dataset):
        variables = {name: (one.dims, one.values, dict(one.attrs)) for name, one in value.variables.items()}
        return variables, sorted(map(str, value.coords)), dict(value.attrs)
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value  # a tensor, known by its habits


def _is_known(module: str) -> bool:
    """Whether versions stand for a module's code."""
    return module.partition(".")[0] in ("synfer", "sklearn", "builtins")


def _source(thing: Any) -> str | None:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        return None
