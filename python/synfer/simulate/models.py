"""The models there are, as a table to read."""

from __future__ import annotations

from typing import Any

import pandas as pd

from synfer.simulate.neurons import MODELS

COLUMNS = ["model", "spiking", "kind", "name", "default", "unit", "range"]


def models() -> pd.DataFrame:
    """Give the parameters and states of every model that `run` simulates.

    Returns
    -------
    pandas.DataFrame
        A row a parameter or state, with columns model, spiking (whether its units act by spikes), kind ("parameter" or
        "state"), name, default (of a parameter, in its unit; NaN for states, which begin at the model's rest), unit
        (of measure; times are in s) and range ("any", "not negative" or "positive").

    Examples
    --------
    >>> from synfer.simulate import models
    >>> table = models()
    >>> table[(table.model == "lif") & (table.kind == "parameter")].name.tolist()
    ['tau', 'rest', 'resistance', 'threshold', 'reset', 'refractory']
    """
    rows: list[dict[str, Any]] = []
    for model in MODELS.values():
        about = {"model": model.name, "spiking": model.spiking}
        for name, default in model.defaults.items():
            unit, allowed = model.units_of_measure[name], model.ranges[name]
            rows.append(
                {**about, "kind": "parameter", "name": name, "default": default, "unit": unit, "range": allowed}
            )
        for name in model.states:
            unit = model.units_of_measure[name]
            rows.append({**about, "kind": "state", "name": name, "default": float("nan"), "unit": unit, "range": "any"})
    return pd.DataFrame(rows)
