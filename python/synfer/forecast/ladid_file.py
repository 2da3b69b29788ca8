"""Files of fitted LaDIDs: a layout with a number, read without executing anything."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from synfer.forecast.anchoring import Anchor
from synfer.forecast.ladid_model import LaDIDModel
from synfer.io import load_model, save_checkpoint
from synfer.ops.devices import refuse_missing_device
from synfer.storage import StrPath

if TYPE_CHECKING:
    from synfer.forecast.ladid import LaDID

SCHEMA = 4
"""Layout of what is written; older ones are read, newer ones refused.

1 knew no weights of counts by their times, 2 no pace of a realisation's own, 3 no anchor.
"""

_WORK = "synfer.forecast.LaDID"
_ARRAYS = ("offset_", "scale_", "residual_variance_", "validation_")
_PLAIN = ("n_query_", "horizon_", "timed_")


def write(path: StrPath, estimator: LaDID) -> None:
    """Write a fitted estimator; how it learnt is not kept, nor a generator or the name of a checkpoint."""
    parameters = estimator.get_params(deep=False) | {"checkpoint": None}
    if not isinstance(parameters["random_state"], int):
        parameters["random_state"] = None
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in parameters.items()}
    model = estimator.model_
    state = {
        "schema": SCHEMA,
        "parameters": plain,
        "plain": {name: getattr(estimator, name) for name in _PLAIN},
        "anchor": None if estimator.anchor_ is None else list(astuple(estimator.anchor_)),
        "sample_shape": list(estimator.sample_shape_),
        "arrays": {name: torch.from_numpy(np.array(getattr(estimator, name))) for name in _ARRAYS},
        "model": {
            "step": model.step,
            "reach": model.reach,
            "n_init": model.n_init,
            "weights": {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()},
        },
    }
    save_checkpoint(path, _WORK, state)


def read(path: StrPath, cls: type[LaDID], device: str) -> LaDID:
    """Read what `write` wrote, onto a device."""
    refuse_missing_device(device)
    estimator = load_model(path, _WORK, SCHEMA, lambda state: _made(state, cls))
    estimator.device = device
    estimator.model_.to(device)
    return estimator


def _made(state: dict[str, Any], cls: type[LaDID]) -> LaDID:
    schema = state["schema"]
    estimator = cls(**({"paced": schema > 2, "anchored": schema > 3} | state["parameters"]))
    anchor = state.get("anchor")
    estimator.anchor_ = None if anchor is None else Anchor(*anchor)
    for name in _PLAIN:
        setattr(estimator, name, state["plain"][name])
    for name in _ARRAYS:
        setattr(estimator, name, state["arrays"][name].numpy())
    estimator.sample_shape_ = tuple(state["sample_shape"])
    about = state["model"]
    counted = about["weights"].get("counts.rates")
    rates = None if counted is None else counted[0]
    model = LaDIDModel(
        estimator.sample_shape_,
        **estimator._sizes(),
        horizon=estimator.horizon_,
        step=about["step"],
        reach=about["reach"],
        rates=rates,
        seeds=range(about["n_init"]),
    )
    model.load_state_dict(about["weights"])
    estimator.model_ = model.eval()
    return estimator
