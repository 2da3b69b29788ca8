# What csrc/bindings adds to the module; the docstrings are there.
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

# attention.cpp; a tensor is (address, shape, strides in elements, dtype's name)
_View = tuple[int, Sequence[int], Sequence[int], str]

def attention_forward(
    q: _View,
    k: _View,
    v: _View,
    bias: _View | None,
    scale: float,
    softmax: bool,
    map_lags: int,
    map_over_batch: bool,
    map_over_heads: bool,
    out: _View,
    map: _View | None,
    n_threads: int,
) -> None: ...
def attention_backward(
    q: _View,
    k: _View,
    v: _View,
    bias: _View | None,
    scale: float,
    softmax: bool,
    map_lags: int,
    map_over_batch: bool,
    map_over_heads: bool,
    grad_out: _View | None,
    grad_map: _View | None,
    dq: _View,
    dk: _View,
    dv: _View,
    dbias: _View | None,
    n_threads: int,
) -> None: ...

# cuda.cpp
cuda_built: bool

def cuda_devices() -> list[str]: ...

# cuda_attention.cpp
cuda_attention_channels: list[int]

def cuda_attention_shared_bytes(widest: int, is_double: bool) -> int: ...
def cuda_attention_plan(
    n_batch: int, n_heads: int, n_rows: int, n_keys: int, lags: int, over_batch: bool, over_heads: bool, processors: int
) -> dict[str, int]: ...
def cuda_attention_few_plan(
    heads: int, n_rows: int, n_keys: int, d_key: int, d_value: int, is_double: bool, backward: bool
) -> dict[str, int] | None: ...

# where cuda_built
def cuda_attention_forward(
    q: _View,
    k: _View,
    v: _View,
    bias: _View | None,
    scale: float,
    softmax: bool,
    map_lags: int,
    map_over_batch: bool,
    map_over_heads: bool,
    out: _View,
    map: _View | None,
    device: int,
    processors: int,
    stream: int,
    allocate: Callable[[int], int],
) -> None: ...
def cuda_attention_backward(
    q: _View,
    k: _View,
    v: _View,
    bias: _View | None,
    scale: float,
    softmax: bool,
    map_lags: int,
    map_over_batch: bool,
    map_over_heads: bool,
    grad_out: _View | None,
    grad_map: _View | None,
    dq: _View,
    dk: _View,
    dv: _View,
    dbias: _View | None,
    device: int,
    processors: int,
    stream: int,
    allocate: Callable[[int], int],
) -> None: ...

# cuda_simulator.cpp; limits are those of simulator/cuda/launch.hpp, in order
cuda_most_units: int
cuda_spiking_models: list[str]
cuda_rate_models: list[str]
_Limits = tuple[int, int, int, int, int, int]

def cuda_plan(n_networks: int, n_units: int, spiking: bool, limits: _Limits) -> dict[str, int]: ...

# cuda_ensemble.cpp, where cuda_built; seeds by address
def cuda_dropout(
    x: _View,
    seeds: int,
    stream_of_numbers: int,
    step: int,
    threshold: int,
    advance: int,
    y: _View,
    device: int,
    processors: int,
    stream: int,
) -> None: ...

# where cuda_built
def cuda_limits(device: int) -> _Limits: ...
def cuda_coefficients(model: str, parameters: NDArray[np.float32], dt_ms: float) -> NDArray[np.float32]: ...
def cuda_factors(
    model: str, parameters: NDArray[np.float32], dt_ms: float, tau_ms: tuple[float, float]
) -> NDArray[np.float32]: ...
def cuda_simulate(
    model: str,
    spiking: bool,
    states: Sequence[str],
    limits: _Limits,
    device: int,
    stream: int,
    told: Mapping[str, object],
) -> None: ...

# ensemble.cpp; a map is (weight, bias, y or its gradient, dweight, dbias), drop is (seeds, stream, step, threshold)
_Maps = Sequence[tuple[_View, _View | None, _View, _View | None, _View | None]]
_Drop = tuple[Sequence[int], int, int, int]
_Four = tuple[_View, ...]

def linear_forward(
    x: _View, a: _View | None, c: _View | None, residual: _View | None, maps: _Maps, n_threads: int
) -> None: ...
def linear_input_gradient(
    x: _View | None,
    a: _View | None,
    slope: _View | None,
    shift: _View | None,
    maps: _Maps,
    dx: _View,
    n_threads: int,
) -> None: ...
def linear_weight_gradients(
    x: _View, a: _View | None, c: _View | None, maps: _Maps, da: _View | None, dc: _View | None, n_threads: int
) -> None: ...
def feed_forward(
    x: _View, a: _View | None, c: _View | None, weights: _Four, drop: _Drop, y: _View, n_threads: int
) -> None: ...
def feed_forward_backward(
    x: _View,
    a: _View | None,
    c: _View | None,
    weights: _Four,
    drop: _Drop,
    dy: _View,
    dx: _View,
    da: _View | None,
    dc: _View | None,
    dweights: _Four,
    n_threads: int,
) -> None: ...
def channel_moments(x: _View, mean: _View, variance: _View, n_threads: int) -> None: ...
def add_affine(x: _View, y: _View, slope: _View, shift: _View, n_threads: int) -> None: ...
def dropout(x: _View, drop: _Drop, y: _View, n_threads: int) -> None: ...
def embedding(given: _Four, drop: _Drop, y: _View, n_threads: int) -> None: ...
def embedding_backward(
    given: _Four,
    drop: _Drop,
    dy: _View,
    dvalue: _View | None,
    ddirection: _View,
    doffset: _View,
    dunit: _View,
    n_threads: int,
) -> None: ...

# machine.cpp
openmp: bool

def empty(shape: Sequence[int], dtype: DTypeLike) -> NDArray: ...
def pool_idle_bytes() -> int: ...
def pool_limit() -> int: ...
def set_pool_limit(bytes: int) -> None: ...
def instruction_levels() -> list[str]: ...
def instruction_level() -> str: ...
def use_instruction_level(name: str) -> None: ...

# simulation.hpp: a term of the drive is (kind, parameters, state, thresholds, replayed array); a record is (every,
# units, arrays by signal, whether spikes are listed)
_Record = tuple[int, Sequence[int] | None, Mapping[str, NDArray], bool]
_Term = tuple[str, NDArray[np.float64] | None, NDArray | None, NDArray[np.uint32] | None, NDArray | None]

# rates.cpp; a coupling is (weights, row_starts, sources, values), the first or the others None
_Coupling = tuple[NDArray | None, NDArray[np.int64] | None, NDArray[np.int32] | None, NDArray | None]

def rate_models() -> dict[str, tuple[list[_Described], list[_Described]]]: ...
def simulate_rates(
    *,
    model: str,
    parameters: NDArray,
    state: NDArray,
    coupling: _Coupling,
    ids: NDArray[np.uint32],
    drive: Sequence[_Term],
    seed: int,
    dt: float,
    first: int,
    last: int,
    begin: int,
    end: int,
    record: Sequence[_Record],
    record_from: int,
    n_threads: int,
) -> tuple[int, int, int] | None: ...

# simulator.cpp
# (name, default value, unit, range) of a parameter or a state
_Described = tuple[str, float, str, str]

def models() -> dict[str, tuple[list[_Described], list[_Described], str, bool]]: ...
def initial_state(model: str, parameters: NDArray, state: NDArray) -> None: ...
def gaussian(seed: int, id: int, unit: int, count: int, single: bool) -> NDArray: ...
def philox(counters: NDArray[np.uint32], key: NDArray[np.uint32]) -> NDArray[np.uint32]: ...

# spiking.cpp
class Simulation:
    def __init__(
        self,
        *,
        model: str,
        parameters: NDArray,
        state: NDArray,
        wiring: Mapping[str, object],
        ids: NDArray[np.uint32],
        drive: Sequence[_Term],
        seed: int,
        dt_ms: float,
        first: int,
        last: int,
        record: Sequence[_Record],
        record_from: int,
        n_threads: int,
        units_per_thread: int,
    ) -> None: ...
    def take(self, begin: int, end: int) -> tuple[int, int, int] | None: ...
    def n_events(self) -> int: ...
    def events(
        self, record: int, networks: bool
    ) -> tuple[NDArray[np.int64] | None, NDArray[np.int64], NDArray[np.int64]]: ...

# edges.cpp
def edge_lists(
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    strength: NDArray,
    n_sources: int,
    n_units: int,
    placed: bool,
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray, NDArray[np.int64] | None]: ...
def edges_by_target(
    starts: NDArray[np.int64], targets: NDArray[np.uint32], n_units: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]: ...

# var.cpp
def append_rows(factor: NDArray[np.float64], rows: NDArray[np.float64]) -> None: ...
def append_lagged_rows(
    factor: NDArray[np.float64], samples: NDArray, n_lags: int, first: int, stop: int, n_threads: int = 1
) -> None: ...

# glm.cpp
def fit_point_process(
    targets: NDArray[np.int64],
    bin: NDArray[np.int64],
    unit: NDArray[np.int64],
    count: NDArray[np.float64],
    stop: NDArray[np.int64],
    n_units: int,
    basis: NDArray[np.float64],
    counts: NDArray[np.float64],
    used: NDArray[np.uint8],
    covariates: NDArray[np.float64],
    bernoulli: bool,
    ridge: float,
    own_ridge: float,
    tolerance: float,
    max_iter: int,
    curvature_rows: int,
    n_threads: int = 1,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]: ...

# pair_density.cpp
def joint_density(
    samples: NDArray[np.float32],
    grid: NDArray[np.float32],
    bandwidth: NDArray[np.float32],
    segment: NDArray[np.int64],
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    lag: NDArray[np.int64],
    n_threads: int = 1,
) -> NDArray[np.float32]: ...
