# What csrc/bindings adds to the module; the docstrings are there.
from collections.abc import Mapping, Sequence

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

# machine.cpp
openmp: bool

def empty(shape: Sequence[int], dtype: DTypeLike) -> NDArray: ...
def pool_idle_bytes() -> int: ...
def pool_limit() -> int: ...
def set_pool_limit(bytes: int) -> None: ...
def instruction_levels() -> list[str]: ...
def instruction_level() -> str: ...
def use_instruction_level(name: str) -> None: ...

# simulator.cpp; a term of the drive is (kind, parameters, state, thresholds, replayed array)
_Term = tuple[str, NDArray[np.float64] | None, NDArray | None, NDArray[np.uint32] | None, NDArray | None]

def models() -> dict[str, tuple[list[tuple[str, float, str]], list[tuple[str, float, str]]]]: ...
def initial_state(model: str, parameters: NDArray, state: NDArray) -> None: ...
def simulate(
    *,
    model: str,
    parameters: NDArray,
    state: NDArray,
    weights: NDArray,
    ids: NDArray[np.uint32],
    drive: Sequence[_Term],
    seed: int,
    dt_ms: float,
    first: int,
    last: int,
    begin: int,
    end: int,
    record: Mapping[str, NDArray],
    record_from: int,
    every: int,
    raster: NDArray[np.uint8] | None,
    n_threads: int,
) -> tuple[int, int, int] | None: ...
def nonzero_bytes(
    array: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]: ...
def gaussian(seed: int, id: int, unit: int, count: int, single: bool) -> NDArray: ...
def philox(counters: NDArray[np.uint32], key: NDArray[np.uint32]) -> NDArray[np.uint32]: ...

# var.cpp
def append_rows(factor: NDArray[np.float64], rows: NDArray[np.float64]) -> None: ...
def append_lagged_rows(
    factor: NDArray[np.float64], samples: NDArray, n_lags: int, first: int, stop: int, n_threads: int = 1
) -> None: ...
