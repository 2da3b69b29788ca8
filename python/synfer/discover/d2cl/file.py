"""Files of what D2CL learnt: a layout with a number, read without executing anything."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from synfer.discover.d2cl.fitting import Trained
from synfer.discover.d2cl.model import D2CLModel
from synfer.discover.d2cl.pairs import View
from synfer.discover.d2cl.towers import SIZES
from synfer.io import load_model, save_checkpoint
from synfer.ops.devices import refuse_missing_device
from synfer.storage import StrPath

if TYPE_CHECKING:
    from synfer.discover.d2cl.estimator import D2CL

SCHEMA = 3
"""Layout of what is written; older ones are read (in 1 a node said less, until 2 there was one head), newer ones
refused."""

_WORK = "synfer.discover.D2CL"


def write(path: StrPath, estimator: D2CL, trained: Trained) -> None:
    """Write a trained model; how it learnt is not kept, nor a prior, a generator or the name of a checkpoint."""
    parameters = estimator.get_params(deep=False) | {"checkpoint": None, "prior": None}
    parameters = {k: v.item() if isinstance(v, np.generic) else v for k, v in parameters.items()}
    if not isinstance(parameters["random_state"], int):
        parameters["random_state"] = None
    parameters["lags"] = [int(lag) for lag in parameters["lags"]]
    model = trained.model
    state = {
        "schema": SCHEMA,
        "parameters": parameters,
        "view": {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(trained.view).items()},
        "dt": trained.dt,
        "model": {
            "n_channels": model.n_channels,
            "n_sorted": model.n_sorted,
            "size": model.size,
            "towers": model.towers,
            "heads": list(model.heads),
            "n_init": model.n_init,
            "weights": {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()},
        },
    }
    save_checkpoint(path, _WORK, state)


def read(path: StrPath, cls: type[D2CL], device: str) -> D2CL:
    """Read what `write` wrote, onto a device."""
    refuse_missing_device(device)
    return load_model(path, _WORK, SCHEMA, lambda state: _made(state, cls, device))


def _made(state: dict[str, Any], cls: type[D2CL], device: str) -> D2CL:
    parameters = state["parameters"]
    estimator = cls(**(parameters | {"lags": tuple(parameters["lags"]), "device": device}))
    about = dict(state["model"])
    weights, n_init = about.pop("weights"), about.pop("n_init")
    if "heads" not in about:
        about["heads"] = [about["towers"]]
        weights = {_now(name, about["towers"]): tensor for name, tensor in weights.items()}
    view = View(**({"layout": 1} | state["view"] | {"lags": tuple(state["view"]["lags"])}))
    # Before a model of that size is made: no damaged number may take all memory.
    if not about["heads"]:
        raise ValueError("it names no head")
    level = weights[f"heads.{about['heads'][0]}.last.bias"]
    if n_init != len(level):
        raise ValueError(f"n_init is {n_init}, of weights for {len(level)}")
    most = max(10, SIZES[about["size"]].most_nodes)
    if about["n_channels"] != view.n_channels or not 0 < about["n_sorted"] <= most:
        raise ValueError(f"n_channels and n_sorted are {about['n_channels']} and {about['n_sorted']}")
    model = D2CLModel(**about, layout=view.layout, seeds=range(n_init))
    model.load_state_dict(weights)
    estimator._pretrained = Trained(model.to(device).eval(), view, state["dt"], [])
    return estimator


def _now(name: str, towers: str) -> str:
    """Give the name of a weight whose file is of schema 1 or 2, where the one head was the model's own."""
    return name if name.startswith(("image.", "graph.")) else f"heads.{towers}.{name}"
