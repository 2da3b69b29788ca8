"""What a fitted method forecasts, beside what it found: R2, and the forecast of the example that is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import r2_score

from synfer.benchmark.task import Task
from synfer.connectome import Connectome
from synfer.errors import SynferError
from synfer.recording import Recording

EXAMPLE_SET = "exc4_inh1_p4"
"""The cell of the paper's example network, Figures 1 and 4a."""
SHARE = 0.2  # of the samples, the last: those that the attention models read and do not learn from


def forecast_of(estimator: Any, recording: Recording, signal: str) -> np.ndarray | None:
    """Forecast of each sample of a signal from those before it, shaped as that; None where the method has none."""
    if not hasattr(estimator, "predict"):
        return None
    try:
        return np.asarray(estimator.predict(recording, signal), dtype=np.float64)
    except SynferError:
        return None


def forecast_r2(measured: Any, forecast: np.ndarray) -> float | None:
    """R2 of forecasts ([trial,] time, unit) over the last fifth of the samples, mean over units.

    None where no unit varies there, or no sample has a forecast.
    """
    x = np.asarray(measured, dtype=np.float64)
    first = x.shape[-2] - max(1, int(SHARE * x.shape[-2]))
    x, f = (values[..., first:, :].reshape(-1, values.shape[-1]) for values in (x, forecast))
    known = np.isfinite(x).all(1) & np.isfinite(f).all(1)
    if known.sum() < 2:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):  # units that do not vary
        each = r2_score(x[known], f[known], multioutput="raw_values", force_finite=False)
    each = each[np.isfinite(each)]
    return float(each.mean()) if len(each) else None


def is_example(suite: str, task: Task) -> bool:
    """Whether a task is the network that is drawn: seed 0 of its cell, published or fresh."""
    number = task.network.removeprefix("seed").split("_")[-1]  # "seed0", or "fresh_<seed of the suite>_0"
    return suite == "izhikevich" and task.set == EXAMPLE_SET and number == "0"


@dataclass(frozen=True)
class Example:
    """One method on the example network: what it found, the truth, and "measured" and "forecast" as signals.

    A method without a forecast has "measured" alone.
    """

    method: str
    estimate: Connectome
    truth: Connectome
    recording: Recording


def keep_example(kept: Path, recording: Recording, signal: str, truth: Connectome, forecast: np.ndarray | None) -> None:
    """Write the truth and the forecast beside the connectome that is at ``kept``."""
    signals = {"measured": np.asarray(recording[signal])}
    if forecast is not None:
        signals["forecast"] = forecast
    measure = recording.units_of_measure.get(signal)
    units = None if measure is None else dict.fromkeys(signals, measure)
    Recording(signals, recording.dt, unit_ids=recording.unit_ids, units_of_measure=units).save(
        kept.with_suffix(".forecast.nc")
    )
    truth.save(kept.with_suffix(".truth.nc"))


def examples_of(rows: pd.DataFrame, home: Path) -> list[Example]:
    """The example network's fits, in the order of the rows, of a run whose files lie in ``home``."""
    found = []
    for row in rows[(rows["set"] == EXAMPLE_SET) & rows["auroc"].notna()].itertuples():
        kept = home / ("simulated" if row.network.startswith("fresh_") else "published") / row.method / row.set
        files = [kept / f"{row.network}{suffix}" for suffix in (".nc", ".truth.nc", ".forecast.nc")]
        if _all_there(files):
            found.append(
                Example(row.method, Connectome.load(files[0]), Connectome.load(files[1]), Recording.load(files[2]))
            )
    return found


def _all_there(files: Iterable[Path]) -> bool:
    return all(file.exists() for file in files)
