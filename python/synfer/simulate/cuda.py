"""Simulation on a CUDA device: what it can take, the memory it needs, and the launches of its kernels.

The memory is torch's, on its current stream; the core takes addresses (csrc/simulator/cuda/launch.hpp).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from synfer import _core
from synfer.errors import DeviceError, InputError
from synfer.network import Network
from synfer.simulate.drives import Term
from synfer.simulate.neurons import NeuronModel
from synfer.simulate.recorded import Span
from synfer.simulate.wires import MEND, NO_KERNEL, refuse_infinite

SYNAPSES = ("delta", "exponential")
SLICES = 128
"""How many times as many unit-steps as on the CPU lie between two looks at signals and the progress bar."""
FEW_SOURCES = 64
"""Units without spikes that have more sources take fewer steps between two looks: each costs a product in each."""
UNITS_PER_THREAD = 0
"""How many units a thread simulates, 1, or 4 where a network then fits into a warp; 0 for what is quicker."""


class TorchCuda:
    """The devices that torch sees, and the core's kernels for them; tests put another in its place (`BACKEND`)."""

    core: Any = _core

    def n_devices(self) -> int:
        """How many there are."""
        return torch.cuda.device_count() if torch.cuda.is_available() else 0

    def device(self, index: int) -> torch.device:
        """Where the memory of one lies."""
        return torch.device("cuda", index)

    def current(self) -> int:
        """Which one is taken where none is named."""
        return torch.cuda.current_device()

    def name(self, index: int) -> str:
        """What the maker calls it."""
        return torch.cuda.get_device_name(index)

    def free_bytes(self, index: int) -> int:
        """Memory that torch could still hand out."""
        free, _ = torch.cuda.mem_get_info(index)
        return free + torch.cuda.memory_reserved(index) - torch.cuda.memory_allocated(index)

    def stream(self, index: int) -> int:
        """Address of the stream on which torch works."""
        return torch.cuda.current_stream(index).cuda_stream


BACKEND = TorchCuda()


def index_of(device: Any) -> int | None:
    """Give the number of a CUDA device that can simulate; None for "cpu".

    Raises
    ------
    InputError
        The name is none.
    DeviceError
        This build has no CUDA kernels, or there is no such device.
    """
    named = re.fullmatch(r"cpu|cuda(?::(\d{1,3}))?", device) if isinstance(device, str) else None
    if named is None:
        raise InputError(f"device must be 'cpu', or 'cuda' or 'cuda:1' for a CUDA device; got {device!r}.")
    if device == "cpu":
        return None
    if not BACKEND.core.cuda_built:
        raise DeviceError(
            f"device must be 'cpu': this build of synfer has no CUDA kernels for {device!r}; build it where nvcc is."
        )
    n = BACKEND.n_devices()
    if n == 0:
        raise DeviceError(f"device must be 'cpu': torch {torch.__version__} sees no CUDA device for {device!r}.")
    index = BACKEND.current() if named[1] is None else int(named[1])
    if index >= n:
        raise DeviceError(f"device must be one of the {n} that torch sees, 'cuda:0' to 'cuda:{n - 1}'; got {device!r}.")
    return index


def name_of(index: int) -> str:
    """Give what the maker calls a device."""
    return BACKEND.name(index)


def refuse_unsupported(
    network: Network, model: NeuronModel, dtype: np.dtype, layout: Any, elsewhere: Mapping[str, bool]
) -> None:
    """Raise where something was asked for that the CUDA kernels do not do yet.

    Parameters
    ----------
    network : Network
        To be simulated.
    model : NeuronModel
        Of its neurons.
    dtype : dtype
        In which.
    layout : {"dense", "sparse"} or None
        As `run` takes it.
    elsewhere : dict of str to bool
        Things that only the CPU does, and whether they are asked for.

    Raises
    ------
    DeviceError
        Naming the first of them.
    """
    core = BACKEND.core
    have = (*core.cuda_spiking_models, *core.cuda_rate_models)
    if model.name not in have:
        raise DeviceError(
            f"model {model.name!r} has no CUDA kernel, as {', '.join(have)} have: simulate it with device='cpu'."
        )
    if network.n_units > core.cuda_most_units:
        raise DeviceError(
            f"networks must have at most {core.cuda_most_units} units on CUDA, where a block of threads simulates "
            f"whole ones; got {network.n_units}: take device='cpu'."
        )
    asked = {f"dtype={dtype.name!r}": dtype != np.float32, "layout='sparse'": layout == "sparse", **elsewhere}
    if model.spiking:
        asked[f"the synapse {network.synapse!r}"] = getattr(network.synapse, "kind", None) not in SYNAPSES
        asked["the network's plasticity"] = network.plasticity is not None
    else:
        lags = getattr(network.synapse, "lags", None)
        asked["coupling over several lags"] = lags is not None and lags.shape[-3] > 1
    for what, wanted in asked.items():
        if wanted:
            raise DeviceError(f"{what} {NO_KERNEL}")


def refuse_drives(terms: Sequence[Term]) -> None:
    """Raise where a drive has no CUDA kernel: all but one Gaussian one, or none.

    Raises
    ------
    DeviceError
        Naming it.
    """
    for term in terms:
        if term.kind != "gaussian":
            raise DeviceError(
                f"a drive of kind {term.kind!r} has no CUDA kernel, as GaussianDrive has: take that, or device='cpu'."
            )
    if len(terms) > 1:
        raise DeviceError(f"drive must be at most one on CUDA; got {len(terms)}: add them up, or take device='cpu'.")


def needed_bytes(
    n_networks: int, n_units: int, n_states: int, n_rows: int, row_bytes: int, delay: int, receptors: int = 1
) -> int:
    """Give the device's memory that a run takes at its most.

    Parameters
    ----------
    n_networks, n_units, n_states, n_rows : int
        Of the batch, the model and the recording.
    row_bytes : int
        Of all signals of one unit in one row.
    delay : int
        Steps.
    receptors : int
        Of each unit.
    """
    units = n_networks * n_units
    weights = units * n_units * 4
    recorded = units * n_rows * row_bytes
    # state, what arrives, coefficients (and factors) and drive if no two units have the same, ids and divergences
    arrives = receptors * (1 + (delay if delay > 1 else 0))
    beside = units * 4 * (n_states + arrives + 8 + (2 if receptors == 2 else 0) + 2) + n_networks * 12
    return weights + max(weights, recorded) + beside  # weights lie there twice while they are transposed


def refuse_beyond_memory(needed: int, index: int) -> None:
    """Raise where a run would need more of the device's memory than is free.

    Raises
    ------
    DeviceError
        With both numbers.
    """
    free = BACKEND.free_bytes(index)
    if needed > free:
        raise DeviceError(
            f"the run would need {needed / 1e9:,.2f} GB of the CUDA device's memory and {free / 1e9:,.2f} GB are free: "
            f"{MEND}."
        )


def slices(model: NeuronModel, n_units: int) -> int:
    """Give how many times as many unit-steps as on the CPU are taken in one launch, some tenths of a second."""
    return SLICES if model.spiking else max(SLICES * FEW_SOURCES // max(n_units, FEW_SOURCES), 1)


def empty(shape: tuple[int, ...], kinds: Mapping[str, np.dtype], index: int) -> dict[str, torch.Tensor]:
    """Give uninitialised tensors on the device, of one shape, by name."""
    kind = {"float32": torch.float32, "uint8": torch.uint8}
    return {name: torch.empty(shape, dtype=kind[k.name], device=BACKEND.device(index)) for name, k in kinds.items()}


@dataclasses.dataclass
class Numbers:
    """Numbers (network, row, unit) on the device, held once along the axes of which all are equal."""

    tensor: torch.Tensor

    @property
    def bound(self) -> tuple[int, int, int, int]:
        """Address, and strides of network, row and unit."""
        shape, stride = self.tensor.shape, self.tensor.stride()
        network, row, unit = (step if length > 1 else 0 for length, step in zip(shape, stride, strict=True))
        return self.tensor.data_ptr(), network, row, unit


def reduced(numbers: np.ndarray) -> np.ndarray:
    """Give numbers (network, row, unit) as (1, row, 1) where all units of all networks have the same."""
    first = numbers[:1, :, :1]
    return np.ascontiguousarray(first) if np.array_equal(np.broadcast_to(first, numbers.shape), numbers) else numbers


class Launches:
    """A run on a device: its arrays there, and a launch for each slice of its steps.

    Parameters
    ----------
    index : int
        Number of the device.
    model, network, dt, span, seed
        As `run` has them.
    parameters : array (network, parameter, unit)
        Of the model.
    remembered : dict of str to array
        State before the first step; `store` brings back what became of it.
    weights : array (network, target, source)
        All pairs.
    wired : dict
        What the core takes of the wires of a spiking model (`Wires.bound`).
    term : Term or None
        The Gaussian drive.
    n_threads : int, optional
        Threads of the host that prepare it.
    """

    def __init__(
        self,
        index: int,
        model: NeuronModel,
        network: Network,
        dt: float,
        span: Span,
        seed: int,
        *,
        parameters: np.ndarray,
        remembered: Mapping[str, np.ndarray],
        weights: np.ndarray,
        wired: Mapping[str, Any] | None,
        term: Term | None,
        n_threads: int = 1,
    ) -> None:
        self.index, self.model, self.remembered = index, model, remembered
        self.n_networks, self.n_units = len(network.ids), network.n_units
        core = BACKEND.core
        self.limits = core.cuda_limits(index)
        scaled = float(np.float32(dt * 1e3 if model.spiking else dt))
        numbers = np.ascontiguousarray(reduced(parameters))
        self.factors = None
        if wired is not None:
            if wired["synapse"] == "exponential":
                factors = core.cuda_factors(model.name, numbers, scaled, wired["tau_ms"])
                self.factors = Numbers(self._there(factors))
            numbers = core.cuda_coefficients(model.name, numbers, scaled, n_threads)
        given = np.zeros((1, 2, 1)) if term is None or term.parameters is None else reduced(term.parameters)
        # by source: the threads of neighbouring targets then read neighbouring words
        self.weights = self._there(weights).transpose(1, 2).contiguous()
        # isfinite of all of them would hold more beside them than `needed_bytes` knows of.
        if not torch.isfinite(torch.stack(torch.aminmax(self.weights))).all():
            refuse_infinite(weights, weights.dtype)
        self.numbers = Numbers(self._there(numbers))
        self.drive = Numbers(self._there(given.astype(np.float32)))
        self.ids = self._there(network.ids.astype(np.uint32).view(np.int32))
        self.arrays = {name: self._there(array) for name, array in remembered.items()}
        self.diverged = torch.full((self.n_networks,), -1, dtype=torch.int64, device=BACKEND.device(index))
        self.told: dict[str, Any] = {
            "n_networks": self.n_networks,
            "n_units": self.n_units,
            "units_per_thread": UNITS_PER_THREAD,
            "dt": scaled,
            "weights": self.weights.data_ptr(),
            "parameters": self.numbers.bound,
            "state": self.arrays["state"].data_ptr(),
            "driven": term is not None,
            "draws": bool(np.any(given[:, 1] != 0)),
            "drive": self.drive.bound,
            "seed": seed,
            "ids": self.ids.data_ptr(),
            "diverged": self.diverged.data_ptr(),
            "record_from": span.kept,
            "every": span.every,
            "n_rows": span.n_rows,
        }
        if wired is not None:
            pending = self.arrays.get("pending")
            self.told |= {
                "delay": wired["longest"],
                "exponential": self.factors is not None,
                "tau_ms": wired["tau_ms"],
                "factors": None if self.factors is None else self.factors.bound,
                "received": self.arrays["synapse_state"].data_ptr(),
                "pending": 0 if pending is None else pending.data_ptr(),
            }
        else:
            self.told["noisy"] = bool(np.any(parameters[:, list(model.defaults).index("noise")] != 0))

    def record(self, signals: Mapping[str, torch.Tensor]) -> None:
        """Take the tensors ([network,] row, unit) in which to record; the caller holds them."""
        self.told["record"] = {name: tensor.data_ptr() for name, tensor in signals.items()}

    def take(self, begin: int, end: int, fresh: bool) -> tuple[int, int, int] | None:
        """Take the steps [begin, end); give (network, unit, step) where a state was first not finite.

        ``fresh``: spikes that the first state shows are about to be sent.
        """
        self.told |= {"begin": begin, "end": end, "fresh": fresh}
        model = self.model
        stream = BACKEND.stream(self.index)
        BACKEND.core.cuda_simulate(
            model.name, model.spiking, list(model.states), self.limits, self.index, stream, self.told
        )
        met = torch.nonzero(self.diverged >= 0)[:, 0]
        if len(met) == 0:
            return None
        codes = self.diverged[met]
        steps = codes // self.n_units
        place = int(torch.nonzero(steps == steps.min())[0, 0])
        return int(met[place]), int(codes[place] % self.n_units), begin + int(steps[place])

    def store(self) -> None:
        """Bring the state after the last step back to the arrays it came from."""
        for name, tensor in self.arrays.items():
            self.remembered[name][...] = tensor.cpu().numpy()

    def _there(self, array: np.ndarray) -> torch.Tensor:
        given = torch.from_numpy(array if array.flags.writeable else array.copy())
        return given.to(BACKEND.device(self.index), copy=True)  # also where that is the host's memory
