"""Wiring as the core takes it: all pairs or a list of edges, delays in steps, what synapses remember."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import torch

from synfer import _core
from synfer.connectome import Connectome
from synfer.errors import DelayWarning, DeviceError, InputError
from synfer.network import STDP, ConductanceSynapse, DeltaSynapse, JumpSynapse, Network, RateCoupling
from synfer.network.models import check_synapse, model_named
from synfer.simulate.memory import refuse_beyond_available
from synfer.storage import as_choice

LAYOUTS = ("dense", "sparse")
ALWAYS_DENSE = 128
"""Units up to which all pairs are quicker than a list, however few edges there are."""
DENSE_FROM = 0.5
"""Share of the pairs that are edges from which on all pairs are quicker."""
MOST_STEPS_OF_DELAY = 65535
ROUNDED = 1e-6
"""Share of a step by which a delay may miss a whole number of them without a word."""
PIECE = 2**16
"""Pairs looked at in one go, few enough for the cache."""
NO_KERNEL = "has no CUDA kernel: leave it out, or take device='cpu'."
MEND = "record fewer signals or less often, simulate fewer networks at once or for less time"


@dataclasses.dataclass
class Wires:
    """What joins the units of some networks, and what it remembers between steps.

    Attributes
    ----------
    layout : {"dense", "sparse"}
        All pairs, or a list of edges.
    bound : dict
        What the core takes, but for the arrays remembered; see csrc/bindings/wiring.hpp.
    remembered : dict of str to array (network, ...)
        What a simulation that goes on needs: "synapse_state" (network, state, unit), and where there are such things
        "pending" (network, slot x receptor, unit), "releases" (network, 3, unit), "traces" (network, 2, unit) and
        "strengths" (edge).
    ends : tuple of three arrays (edge,), optional
        Network, target and source of each edge of "strengths"; where these change.
    places : array (edge,), optional
        Where each of these stands among the edges that the connectome lists; where it lists them and they change.
    """

    layout: str
    bound: dict[str, Any]
    remembered: dict[str, np.ndarray]
    ends: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
    places: np.ndarray | None = None

    def to_core(self, fresh: bool) -> dict[str, Any]:
        """Give all that the core takes; ``fresh`` at the beginning of a simulation."""
        return {**self.bound, **self.remembered, "fresh": fresh}


def wires_of(
    network: Network,
    dt: float,
    kind: np.dtype,
    layout: str | None,
    n_threads: int,
    beside: int = 0,
    on_device: bool = False,
) -> Wires:
    """Lay out the wiring of a network or a batch.

    Parameters
    ----------
    network : Network
        Whose wiring.
    dt : float
        Seconds of a step.
    kind : dtype
        Of weights and states.
    layout : {"dense", "sparse"} or None
        None chooses the quicker.
    n_threads : int
        How many networks are simulated at once, for the memory's sake.
    beside : int
        Bytes that are needed for other things.
    on_device : bool
        For kernels of a CUDA device.

    Raises
    ------
    DeviceError
        Delays differ, for which a device has no kernel.
    InputError
        No such layout, or it cannot hold this wiring; weights are not finite in ``kind``; a delay is too long or
        memory too small.

    Warns
    -----
    DelayWarning
        A delay is not a whole number of steps, and so rounded; or delta synapses were made for another step.
    """
    check_synapse(model_named(network.model), network.synapse, network.plasticities)
    assert not isinstance(network.synapse, RateCoupling)
    if layout is not None:
        layout = as_choice(layout, "layout", LAYOUTS)
    one, delays = _delays(network, dt)
    if on_device and delays is not None:
        raise DeviceError(f"a connectome with different delays {NO_KERNEL}")
    chosen = layout or _layout(network, delays is not None)
    if chosen == "dense" and (delays is not None or network.stdp):
        what = "synapses of different delays" if delays is not None else "synapses that learn by STDP"
        raise InputError(f"layout must be 'sparse' or None for {what}; got 'dense'.")
    shortest, longest = (one, one) if delays is None else (int(delays.min()), int(delays.max()))
    synapse = network.synapse
    receptors = receptors_of(network)
    states = {"delta": 1, "jump": 1, "alpha": 4}.get(synapse.kind, 2)
    n_networks, n_units = network.n_networks or 1, network.n_units
    _refuse_beyond_memory(network, chosen, kind, longest * receptors if longest > 1 else 0, n_threads, beside)

    tau = (getattr(synapse, "tau_exc", 1.0) * 1e3, getattr(synapse, "tau_inh", 1.0) * 1e3)
    reversal = (synapse.e_exc, synapse.e_inh) if isinstance(synapse, ConductanceSynapse) else (0.0, 0.0)
    bound: dict[str, Any] = {
        "synapse": synapse.kind, "tau_ms": tau, "reversal": reversal, "shortest": shortest, "longest": longest,
    }  # fmt: skip
    remembered = {"synapse_state": np.zeros((n_networks, states, n_units), kind)}
    if longest > 1:
        remembered["pending"] = np.zeros((n_networks, longest * receptors, n_units), kind)
    ends = places = None
    if chosen == "dense":
        bound["weights"] = dense_weights(network.connectome, kind, n_threads if on_device else None)
    else:
        edges = _edges(network.connectome, kind, delays, network.stdp is not None)
        bound |= {name: edges[name] for name in ("starts", "targets", "delays")}
        if network.stdp:
            _add_stdp(network, network.stdp, kind, edges, bound, remembered)
            ends = (np.repeat(np.arange(n_networks), np.diff(edges["starts"][::n_units])),
                    edges["targets"].astype(np.int64), edges["sources"])  # fmt: skip
            places = edges["places"] if network.connectome.layout == "edges" else None
        else:
            bound["strengths"] = edges["strengths"]
    if rule := network.short_term:
        bound["short_term"] = (rule.baseline, rule.tau_facilitation * 1e3, rule.tau_recovery * 1e3)
        releases = np.zeros((n_networks, 3, n_units))
        releases[:, 1] = 1.0  # all of x is there
        remembered["releases"] = releases
    return Wires(chosen, bound, remembered, ends, places)


def dense_weights(connectome: Connectome, kind: np.dtype, for_device: int | None = None) -> np.ndarray:
    """Give all weights as (network, target, source).

    With ``for_device``, a number of threads: as many as torch has round them if that is more than one, and whoever
    brings them to a device looks there whether all are finite.

    Raises
    ------
    InputError
        One is not finite in ``kind``.
    """
    weight = connectome.to_matrix().weight
    assert weight is not None
    with np.errstate(over="ignore"):
        if (
            (for_device or 1) > 1
            and kind == np.float32
            and weight.dtype == np.float64
            and weight.values.flags.writeable
        ):
            weights = torch.from_numpy(weight.values).to(torch.float32).contiguous().numpy()
        else:
            weights = np.require(weight.values, kind, ["C", "ALIGNED"])
    if for_device is None:
        refuse_infinite(weights, kind)
    return weights.reshape(-1, connectome.n_units, connectome.n_units)


def _edges(connectome: Connectome, kind: np.dtype, delays: np.ndarray | None, learns: bool) -> dict[str, Any]:
    """Give the edges sorted by network, source and target.

    ``delays`` has the weights' shape. Sources one by one are only for what learns.
    """
    weight = connectome.weight
    assert weight is not None
    n = connectome.n_units
    with np.errstate(over="ignore"):
        values = weight.values.astype(kind)
    refuse_infinite(values, kind)
    if connectome.layout == "edges":
        network, source, target = ends_of(connectome)
        count = n * (connectome.n_networks or 1)
        if connectome.n_networks is not None:
            source = network * n + source
        starts, targets, flat, index = _core.edge_lists(source, target, values, count, n, delays is not None or learns)
        sources = np.repeat(np.arange(count) % n, np.diff(starts)) if learns else None
    else:
        matrices = values.reshape(-1, n, n).swapaxes(1, 2)  # (network, source, target)
        networks, sources, columns = np.nonzero(matrices)
        counts = np.bincount(networks * n + sources, minlength=len(matrices) * n)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        targets = columns.astype(np.uint32)
        index = (networks * n + columns) * n + sources
        flat = matrices[networks, sources, columns]
    chosen = None if delays is None else delays.ravel()[index].astype(np.uint16)
    return {"starts": starts, "targets": targets, "strengths": np.ascontiguousarray(flat), "delays": chosen,
            "sources": sources, "places": index}  # fmt: skip


def ends_of(connectome: Connectome) -> tuple[np.ndarray | int, np.ndarray, np.ndarray]:
    """Give of listed edges the position of the network (0 where there is but one), the source and the target."""
    data = connectome._data
    source, target = (np.ascontiguousarray(data[name].values, np.int64) for name in ("source", "target"))
    return data["of"].values if "of" in data.coords else 0, source, target


def _add_stdp(
    network: Network,
    rule: STDP,
    kind: np.dtype,
    edges: dict[str, Any],
    bound: dict[str, Any],
    remembered: dict[str, np.ndarray],
) -> None:
    strengths, n_networks, n = edges["strengths"], network.n_networks or 1, network.n_units
    outside = strengths[(strengths >= 0) & ((strengths < kind.type(rule.w_min)) | (strengths > kind.type(rule.w_max)))]
    if outside.size:
        raise InputError(
            f"the connectome's weights must lie in the bounds of STDP, {rule.w_min} to {rule.w_max}, where they are "
            f"not negative; got {outside[0]}: set w_min and w_max around them."
        )
    bound["stdp"] = (rule.a_plus, rule.a_minus, rule.tau_plus * 1e3, rule.tau_minus * 1e3, rule.w_min, rule.w_max)
    by_target = _core.edges_by_target(edges["starts"], edges["targets"], n)
    bound |= dict(zip(("in_starts", "in_edges", "in_sources"), by_target, strict=True))
    remembered["traces"] = np.zeros((n_networks, 2, n), kind)
    remembered["strengths"] = strengths


def _layout(network: Network, heterogeneous: bool) -> str:
    if heterogeneous or network.stdp:
        return "sparse"
    n = network.n_units
    if n <= ALWAYS_DENSE:
        return "dense"
    weight = network.connectome.weight
    assert weight is not None
    edges = weight.size if network.connectome.layout == "edges" else np.count_nonzero(weight.values)
    return "dense" if edges >= DENSE_FROM * n**2 * (network.n_networks or 1) else "sparse"


def _delays(network: Network, dt: float) -> tuple[int, np.ndarray | None]:
    """Give the delay of all synapses in steps, or delays in the weights' shape where they differ."""
    weight, delay = network.connectome.weight, network.connectome.delay
    assert weight is not None
    made_for = network.connectome.dt
    if made_for is not None and isinstance(network.synapse, DeltaSynapse) and abs(made_for - dt) > ROUNDED * dt:
        warnings.warn(
            f"dt = {dt:g} s is another step than the {made_for:g} s that the connectome was made for, and through "
            f"delta synapses a spike acts for one step: this is another network. Take dt={made_for:g}, or make a "
            "Network whose connectome has no dt; through a JumpSynapse a spike does the same whatever dt.",
            DelayWarning,
            stacklevel=5,
        )
    if delay is None:
        return 1, None
    acts: Any
    exact: Any
    only = only_delay(network.connectome)
    if only is not None:
        exact, acts = np.array([only / dt]), np.array([True])
    else:
        exact, acts = delay.values / dt, (weight.values != 0) | (network.connectome.layout == "edges")
    steps = np.maximum(np.rint(np.where(np.isnan(exact), 1.0, exact)), 1.0)
    used = acts & ~np.isnan(exact)
    if not np.any(used):
        return 1, None
    wrong = used & (np.abs(exact - steps) > ROUNDED * np.maximum(steps, 1.0))
    if np.any(wrong):
        given, taken = exact[wrong][0] * dt, steps[wrong][0] * dt
        warnings.warn(
            f"the connectome's delay of {given:g} s is not a whole number of steps of dt = {dt:g} s, at least one: it "
            f"is taken as {taken:g} s. Take a dt of which the delays are multiples.",
            DelayWarning,
            stacklevel=5,
        )
    acting = steps[acts]
    longest = acting.max()
    if longest > MOST_STEPS_OF_DELAY:
        raise InputError(
            f"the connectome's delays must be at most {MOST_STEPS_OF_DELAY} steps of dt = {dt:g} s; the longest is "
            f"{longest * dt:g} s: take shorter ones (they are in seconds), or a larger dt."
        )
    if acting.min() == longest:
        return int(longest), None
    steps[~acts] = longest  # of no account; so that the shortest is one that acts
    return 0, steps


def only_delay(connectome: Connectome) -> float | None:
    """Give the delay of all edges where each has the same; None where they differ, one has none or there are no edges.

    Quick, piece by piece, for batches of many networks.
    """
    weight, delay = connectome.weight, connectome.delay
    assert weight is not None and delay is not None
    listed = connectome.layout == "edges"
    weights, delays = weight.values.reshape(-1), delay.values.reshape(-1)
    only = None
    for first in range(0, weights.size, PIECE):
        piece = delays[first : first + PIECE]
        acts = np.ones(piece.shape, np.bool_) if listed else weights[first : first + PIECE] != 0
        if only is None:
            if not acts.any():
                continue
            only = piece[np.argmax(acts)]
        if np.any(acts & (piece != only)):  # nothing equals NaN
            return None
    return None if only is None else float(only)


def receptors_of(network: Network) -> int:
    """Give the kinds of receptor, each with what is under way to it: one, or one for either sign of weights."""
    return 1 if isinstance(network.synapse, DeltaSynapse | JumpSynapse) else 2


def _refuse_beyond_memory(
    network: Network, layout: str, kind: np.dtype, slots: int, n_threads: int, beside: int
) -> None:
    n_networks, n = network.n_networks or 1, network.n_units
    at_once = min(n_threads, n_networks)
    weight = network.connectome.weight
    assert weight is not None
    if layout == "dense":
        wiring = n**2 * kind.itemsize * (n_networks + receptors_of(network) * at_once)
        wiring += 3 * 8 * n_networks * n**2 if network.connectome.layout == "edges" else 0
    else:
        edges = weight.size if network.connectome.layout == "edges" else np.count_nonzero(weight.values)
        # the list itself, and what it is sorted by
        wiring = edges * (kind.itemsize + 4 + 2 + 4 * 8)
    units = n * kind.itemsize * (n_networks * (slots + 16) + at_once * (slots + 2 * 32 + 40))
    refuse_beyond_available(int(beside + wiring + units), MEND)


def refuse_infinite(weights: np.ndarray, kind: np.dtype) -> None:
    """Raise where a weight is not finite.

    Raises
    ------
    InputError
        Naming the first of them.
    """
    flat = weights.reshape(-1)
    if not all(np.isfinite(flat[first : first + PIECE]).all() for first in range(0, flat.size, PIECE)):
        where = tuple(np.argwhere(~np.isfinite(weights))[0].tolist())
        raise InputError(f"the connectome's weights must be finite in {kind}; that at {where} is not.")
