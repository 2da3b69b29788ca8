"""What is kept of the fit that a connectome was read from: a stretch of its forecast, and how it learnt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from synfer.errors import ShapeError
from synfer.storage import as_floats, as_ids, as_mapping

if TYPE_CHECKING:
    import xarray as xr

ARRAYS = {
    "times": ("time",),
    "measured": ("time", "shown"),
    "forecast": ("time", "shown"),
    "r2": ("unit",),
    "training_loss": ("initialisation", "epoch"),
    "validation_loss": ("initialisation", "epoch"),
    "kept_epoch": ("initialisation",),
}


@dataclass(frozen=True, eq=False)
class Learnt:
    """A stretch of activity with the forecast of it, R2 of forecasts, and the course of training.

    Whatever a method has not is None. A forecast is of each sample from those before it.

    Attributes
    ----------
    times : numpy.ndarray, (time,)
        Of the stretch: seconds, or numbers of samples where the connectome has no ``dt``.
    measured, forecast : numpy.ndarray, (time, shown)
        Samples and their forecasts, in the signal's unit; NaN where there is none.
    shown : numpy.ndarray, (shown,)
        Labels of the units of the stretch, from the best forecast to the worst.
    unit_ids, r2 : numpy.ndarray, (unit,)
        Of every unit, 1 - sum (x - f)^2 / sum (x - mean x)^2; NaN where it does not vary.
    n_forecast : int
        Samples in time that R2 is of, the last ones; the stretch is the end of them.
    held_out : bool
        Whether these samples were kept out of what was learnt from. Where not, R2 is rather too high.
    training_loss, validation_loss : numpy.ndarray, (initialisation, epoch)
        Mean loss of each pass through the samples, NaN after an initialisation's end.
    kept_epoch : numpy.ndarray of float, (initialisation,)
        Epoch (from 0) whose weights were kept; NaN where none was.
    told : dict
        What else is known of how the fit ended, plain values by a name in words.

    Raises
    ------
    ShapeError
        Arrays that belong together have different lengths.
    InputError
        An array does not hold real numbers, or a label occurs twice.
    """

    times: Any = None
    measured: Any = None
    forecast: Any = None
    shown: Any = None
    unit_ids: Any = None
    r2: Any = None
    n_forecast: int = 0
    held_out: bool = False
    training_loss: Any = None
    validation_loss: Any = None
    kept_epoch: Any = None
    told: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths: dict[str, int] = {}
        for name, dims in ARRAYS.items():
            if (value := getattr(self, name)) is None:
                continue
            array = as_floats(value, name)
            if array.ndim != len(dims):
                raise ShapeError(f"{name} must have shape ({', '.join(dims)}); got {array.shape}.")
            for dim, length in zip(dims, array.shape, strict=True):
                if lengths.setdefault(dim, length) != length:
                    raise ShapeError(f"{name} must be of {lengths[dim]} along {dim}, as the others; got {length}.")
            object.__setattr__(self, name, array)
        for name, dim in (("shown", "shown"), ("unit_ids", "unit")):
            if dim in lengths:
                object.__setattr__(self, name, as_ids(getattr(self, name), lengths[dim], name))
        object.__setattr__(self, "told", as_mapping(self.told, "told"))

    def rename(self, units: Mapping[Any, Any]) -> Learnt:
        """Give units other labels, the new ones by the old; those that are not named are left out."""
        changed: dict[str, Any] = {}
        for name, arrays in (("shown", ("measured", "forecast")), ("unit_ids", ("r2",))):
            if (labels := getattr(self, name)) is None:
                continue
            kept = [k for k, label in enumerate(labels.tolist()) if label in units]
            changed[name] = [units[labels[k].item()] for k in kept] or None
            for of in arrays:
                if (array := getattr(self, of)) is not None:
                    changed[of] = array[..., kept] if kept else None
        return replace(self, **changed)

    def to_xarray(self) -> xr.Dataset:
        """Give a Dataset that shares the arrays' memory; attributes tell the rest."""
        import xarray as xr

        there = {name: (dims, getattr(self, name)) for name, dims in ARRAYS.items() if getattr(self, name) is not None}
        labels = {
            "shown": self.shown if "forecast" in there else None,
            "unit": self.unit_ids if self.r2 is not None else None,
        }
        coords = {dim: ids for dim, ids in labels.items() if ids is not None}
        about = {"n_forecast": int(self.n_forecast), "held_out": int(self.held_out), "told": json.dumps(self.told)}
        return xr.Dataset(there, coords, about)

    @classmethod
    def from_xarray(cls, data: xr.Dataset) -> Learnt:
        """Build from what `to_xarray` gave.

        Raises
        ------
        ShapeError, InputError
            As for `Learnt`.
        """
        arrays = {name: data[name].values for name in ARRAYS if name in data}
        return cls(
            **arrays,
            shown=data["shown"].values if "shown" in data.coords else None,
            unit_ids=data["unit"].values if "unit" in data.coords else None,
            n_forecast=int(data.attrs.get("n_forecast", 0)),
            held_out=bool(data.attrs.get("held_out", False)),
            told=json.loads(data.attrs.get("told", "{}")),
        )
