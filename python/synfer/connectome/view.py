"""What a connectome shows of its fields and labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from synfer.connectome.fields import FIELDS, leading_of
from synfer.connectome.units import info_of
from synfer.unit_info import unit_frame


class FieldView:
    """Fields and labels of the Dataset ``_data``, by name."""

    _data: xr.Dataset

    @property
    def layout(self) -> str:
        """Either "matrix" or "edges"."""
        return "edges" if "edge" in self._data.dims else "matrix"

    @property
    def unit_ids(self) -> np.ndarray:
        """Labels of the units, (unit,)."""
        return self._data["unit" if self.layout == "edges" else "target"].values

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.unit_ids)

    @property
    def unit_info(self) -> pd.DataFrame:
        """What is known of the units beside their labels: a row a unit, no column where nothing is."""
        return unit_frame(info_of(self._data), self.unit_ids)

    @property
    def leading(self) -> str | None:
        """What stands before (target, source): "network", "time", or None."""
        return leading_of(self._data)

    @property
    def leading_ids(self) -> np.ndarray | None:
        """Labels of the networks of a batch, (network,), or seconds, (time,); None where there is neither axis."""
        return None if self.leading is None else self._data[self.leading].values

    @property
    def n_networks(self) -> int | None:
        """Number of networks in the batch; None where there is no network axis."""
        return self._data.sizes.get("network")

    @property
    def score(self) -> xr.DataArray:
        """Evidence for an edge, at least 0, ([network|time,] target, source) or (edge,)."""
        return self._data["score"]

    @property
    def weight(self) -> xr.DataArray | None:
        """Signed strength, in the score's shape; None where not given."""
        return self._data.get("weight")

    @property
    def pvalue(self) -> xr.DataArray | None:
        """Uncorrected p-value, in the score's shape; None where not given."""
        return self._data.get("pvalue")

    @property
    def delay(self) -> xr.DataArray | None:
        """Delay in seconds, in the score's shape; None where not given."""
        return self._data.get("delay")

    @property
    def score_std(self) -> xr.DataArray | None:
        """Spread of the score, in its shape; None where not given."""
        return self._data.get("score_std")

    @property
    def interval_low(self) -> xr.DataArray | None:
        """Lower bound of the weight, in the score's shape; None where not given."""
        return self._data.get("interval_low")

    @property
    def interval_high(self) -> xr.DataArray | None:
        """Upper bound of the weight, in the score's shape; None where not given."""
        return self._data.get("interval_high")

    @property
    def fields(self) -> dict[str, xr.DataArray]:
        """The fields there are, by name, in the order of the constructor's arguments."""
        return {name: self._data[name] for name in FIELDS if name in self._data}
