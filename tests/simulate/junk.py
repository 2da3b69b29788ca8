"""Anything that a caller may give by mistake: numbers, objects and arrays for the tests that fuzz."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import scipy.sparse
import torch
import xarray as xr
from hypothesis import strategies as st

from synfer import simulate
from synfer.simulate import LogNormal, UniformDelay

NETWORK = simulate.izhikevich_network(3, 1, 0.5, n_networks=2)
RECORDING = simulate.run(NETWORK, 0.05, record=("v", "spikes"))
W = np.array([[0.0, 1.5, 0.0], [-2.0, 0.0, 0.0], [0.5, 0.5, 0.0]])

NUMBERS = [
    True, False, -1, 0, 1, 2, 7, 2**31 - 1, 2**31, 2**63, 10**30, -(10**400), 0.0, -0.5, 1e-300, 1e300, float("nan"),
    float("inf"), 1j, np.float32(0.5), np.int8(3), np.uint64(2**64 - 1), np.bool_(True), np.float16("inf"),
    np.datetime64("2020-01-01"), np.timedelta64(3, "s"),
]  # fmt: skip
OBJECTS = [
    None, "", "x", "v", "spikes", b"x", np.str_("v"), object(), len, slice(None), range(3), [], {}, (), set(), (1, 2),
    (1.5, None), ("v", "v"), ["v", ["u"]], [[1.0], [1.0, 2.0]], {"v": 0.0}, {"v": 0.0, "u": None},
    LogNormal(1.0, 1.0), UniformDelay(1e-3, 1.0), simulate.DistanceDelay(1.0), NETWORK, NETWORK.connectome, RECORDING,
]  # fmt: skip
OTHERS_ARRAYS = [
    pd.DataFrame({"a": [1.0, 2.0]}), xr.DataArray(W, dims=("target", "source")), xr.DataArray(W, dims=("a", "b")),
    scipy.sparse.csr_array(W), scipy.sparse.csr_array(W[:2]), scipy.sparse.coo_matrix(W * np.nan),
    scipy.sparse.csr_array((10**6, 10**6)), nx.MultiDiGraph([(0, 1)]), nx.DiGraph([("a", 1)]), nx.Graph(),
    torch.zeros(3, 3), torch.zeros(2, 2, dtype=torch.bfloat16), torch.zeros(2, 2, dtype=torch.complex64),
    torch.zeros(2, 2, requires_grad=True), torch.eye(3).to_sparse(), torch.zeros(3, 3, device="meta"),
    np.ma.masked_array([1.0, 2.0], [True, False]), np.zeros(3, [("a", float)]),
]  # fmt: skip


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    """Arrays of few entries, of any type, shape and strides, with impossible numbers among them."""
    shape = tuple(draw(st.lists(st.sampled_from([0, 1, 2, 3, 4, 8, 10]), max_size=3)))
    kind = draw(st.sampled_from(["f4", "f8", "f2", ">f4", "i8", "u1", "i1", "?", "c8", "U2", "O", "M8[s]", "g"]))
    array = np.zeros(shape, kind)
    if array.size and kind[-1] in "48g2" and "f" in kind:
        array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from([0.5, -1, np.nan, np.inf, 1e4]))
    elif array.size and kind in ("i8", "i1"):
        array.flat[0] = draw(st.sampled_from([-1, 1, 100]))
    turn = draw(st.sampled_from(["as it is", "transposed", "backwards", "every other", "broadcast", "read-only"]))
    if turn == "transposed":
        return array.T
    if turn == "backwards":
        return np.flip(array) if shape else array
    if turn == "every other":
        return np.repeat(array, 2, axis=-1)[..., ::2] if shape else array
    if turn == "broadcast":
        return np.broadcast_to(np.zeros((), kind), shape)
    if turn == "read-only":
        array.setflags(write=False)
    return array


JUNK = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(OBJECTS), st.sampled_from(OTHERS_ARRAYS), arrays())
