"""How a connectome was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from synfer.connectome.learnt import Learnt
from synfer.errors import InputError
from synfer.storage import as_mapping, as_number, as_plain, version_of

if TYPE_CHECKING:
    from synfer.connectome.connectome import Connectome

ORIGIN = ("method", "parameters", "seed", "dt", "converged", "versions", "provenance")


class Made:
    """Fields, and how they were made."""

    learnt: Learnt | None = None
    instantaneous: Connectome | None = None

    @property
    def origin(self) -> dict[str, Any]:
        """How it was made: method, parameters, seed, dt, converged, versions, provenance."""
        return {name: getattr(self, name) for name in ORIGIN}

    def _hold(
        self,
        data: xr.Dataset,
        *,
        method: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        seed: int | None = None,
        dt: float | None = None,
        converged: bool | None = None,
        versions: Mapping[str, str] | None = None,
        provenance: Mapping[str, Any] | None = None,
        learnt: Learnt | None = None,
        instantaneous: Connectome | None = None,
    ) -> None:
        self._data = data
        self.learnt = learnt
        self.instantaneous = instantaneous
        if not (method is None or isinstance(method, str)):
            raise InputError(f"method must be the name of a method; got a {type(method).__name__}.")
        self.method = method
        self.parameters = as_mapping(parameters, "parameters")
        self.seed: Any = as_plain(seed, "seed")
        self.dt = None if dt is None else as_number(dt, "dt", positive=True)
        if not isinstance(converged, bool | np.bool_ | None):
            raise InputError(f"converged must be True, False or None; got a {type(converged).__name__}.")
        self.converged = None if converged is None else bool(converged)
        versions = versions or {package: version_of(package) for package in ("synfer", "numpy", "torch")}
        self.versions: dict[str, str] = as_mapping(versions, "versions")
        self.provenance = as_mapping(provenance, "provenance")
