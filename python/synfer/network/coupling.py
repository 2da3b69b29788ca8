"""Coupling: how units without spikes act on one another, all the time."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from synfer.errors import InputError, ShapeError
from synfer.storage import as_floats


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RateCoupling:
    """In each step unit j acts on unit i by W[i, j] times what it puts out: f(x_j) of a rate model, x_j of a map.

    Parameters
    ----------
    lags : array ([network,] lag, target, source), optional
        Weights that act from one step before, from two steps before, ...: unit j on i by the sum over l of
        lags[l, i, j] x_j(t - l - 1), for maps and vector autoregressions. Default: the connectome's weights, of one
        step.

    Raises
    ------
    ShapeError, InputError
        ``lags`` cannot be used.
    """

    lags: Any = None
    kind: ClassVar[str] = "rate"

    def __post_init__(self) -> None:
        if self.lags is None:
            return
        lags = as_floats(self.lags, "lags").astype(np.float64)
        if lags.ndim not in (3, 4) or lags.shape[-1] != lags.shape[-2] or 0 in lags.shape:
            raise ShapeError(f"lags must have shape ([network,] lag, target, source); got {lags.shape}.")
        if not np.all(np.isfinite(lags)):
            raise InputError("lags must be finite; they hold NaN or infinity.")
        lags.setflags(write=False)
        object.__setattr__(self, "lags", lags)

    def check_shapes(self, n_networks: int | None, n_units: int) -> None:
        """Refuse lags that are not those of so many networks of so many units.

        Raises
        ------
        ShapeError
            Saying both.
        """
        leading = () if n_networks is None else (n_networks,)
        if self.lags is not None and (*self.lags.shape[:-3], *self.lags.shape[-2:]) != (*leading, n_units, n_units):
            symbols = "(lag, target, source)" if n_networks is None else "(network, lag, target, source)"
            wanted = (*leading, "any", n_units, n_units)
            raise ShapeError(f"lags of RateCoupling must have shape {symbols} = {wanted}; got {self.lags.shape}.")

    def isel(self, network: Any) -> RateCoupling:
        """Give the coupling of some networks of a batch, by position."""
        return self if self.lags is None else RateCoupling(self.lags[network])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RateCoupling):
            return NotImplemented
        if self.lags is None or other.lags is None:
            return self.lags is other.lags
        return np.array_equal(self.lags, other.lags)

    def __hash__(self) -> int:
        return hash((self.kind, None if self.lags is None else self.lags.tobytes()))

    def __repr__(self) -> str:
        return "RateCoupling()" if self.lags is None else f"RateCoupling(lags=<{self.lags.shape[-3]}>)"
