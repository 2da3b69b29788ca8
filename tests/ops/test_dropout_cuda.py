"""Dropout's CUDA kernel: on the host, thread by thread, and on a device where there is one; the CPU's bits."""

import shutil
import sys
from pathlib import Path

import pytest
import torch

from synfer import _core
from synfer.errors import DeviceError, InputError
from synfer.ops import Drop, dropout, dropout_reference

sys.path.insert(0, str(Path(__file__).parents[1] / "simulate"))
from emulation import build

MODULE = sys.modules["synfer.ops.dropout"]  # by its name stands the function
SHAPES = [(1, 1, 1), (2, 5, 100), (3, 37, 16), (2, 3, 400), (1, 700, 129)]


def on(core):
    return {"core": core, "processors": 2, "stream": 0}


@pytest.fixture(scope="session")
def emulated_core(tmp_path_factory):
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    return build(tmp_path_factory.mktemp("emulation"), "emulated_ensemble")


@pytest.fixture
def emulated(emulated_core, monkeypatch):
    """Puts the emulated kernel in the place of the CPU's; lists its calls, of which there must be some."""
    calls = []

    def kernel(x, drop, y):
        calls.append(x.shape)
        MODULE.on_cuda(x, drop, y, **on(emulated_core))

    monkeypatch.setitem(MODULE.KERNELS, "cpu", kernel)
    yield calls
    assert calls


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_emulated_equals_the_reference(emulated, shape, dtype):
    drop = Drop(tuple(2**64 - 1 - 3**g for g in range(shape[0])), 2**32 - 1, 0.3, stream=5)
    x = torch.randn(shape, dtype=dtype, requires_grad=True)
    out = dropout(x, drop)
    assert torch.equal(out, dropout_reference(x, drop))
    grad = torch.randn(shape, dtype=dtype)
    (dx,) = torch.autograd.grad(out, x, grad)
    assert torch.equal(dx, dropout_reference(grad, drop))


def test_emulated_takes_views(emulated):
    drop = Drop((1, 2), 3, 0.5)
    wide = torch.randn(2, 9, 40)
    assert torch.equal(dropout(wide[:, ::2, 3:30], drop), dropout_reference(wide[:, ::2, 3:30], drop))
    turned = wide.transpose(0, 1)[:2]
    assert torch.equal(dropout(turned, drop), dropout_reference(turned, drop))


def test_emulated_draws_advance(emulated):
    replay = MODULE.replay_of(torch.device("cpu"), (1, 2**64 - 2))
    replay.advance.fill_(2**31 - 1)
    x = torch.randn(2, 9, 40)
    drop = Drop((1, 2**64 - 2), 2**31 + 5, 0.5, replay=replay)
    assert torch.equal(dropout(x, drop), dropout_reference(x, Drop((1, 2**64 - 2), 4, 0.5)))
    replay.advance.fill_(0)
    assert torch.equal(dropout(x, drop), dropout_reference(x, Drop((1, 2**64 - 2), 2**31 + 5, 0.5)))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"advance": torch.zeros(1)}, r"replay.advance must be \(1,\) torch.int32 .* got \(1,\) torch.float32"),
        ({"advance": torch.zeros(2, dtype=torch.int32)}, r"replay.advance must be \(1,\)"),
        ({"seeds": torch.zeros(3, dtype=torch.int64)}, r"replay.seeds must be \(2,\) torch.int64"),
    ],
)
def test_what_a_kernel_would_misread_is_refused(emulated_core, changed, told):
    x = torch.ones(2, 2, 3)
    replay = MODULE.replay_of(x.device, (0, 1))._replace(**changed)
    with pytest.raises(InputError, match=told):
        MODULE.on_cuda(x, Drop((0, 1), replay=replay), x.clone(), **on(emulated_core))


def test_refused_launches_say_what_to_do(emulated_core, monkeypatch):
    monkeypatch.setitem(
        MODULE.KERNELS, "cpu", lambda x, drop, y: MODULE.on_cuda(x, drop, y, **on(Refusing(emulated_core)))
    )
    with pytest.raises(DeviceError, match="no such device"):
        dropout(torch.ones(1, 2, 3), Drop((0,)))


@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-14)])
def test_emulated_in_one_pass_as_in_two(emulated_core, monkeypatch, dtype, tolerance, p):
    calls = []

    def kernel(*arguments):
        calls.append(arguments[3])
        MODULE.on_cuda(*arguments, **on(emulated_core))

    drop = Drop((3, 2**64 - 1), 5, p)
    x, beside = (torch.randn(2, 9, 140, dtype=dtype) * 3 for _ in range(2))
    turned = beside.transpose(0, 1).contiguous().transpose(0, 1)

    def everything():
        return [
            MODULE.gelu_dropout(x, drop),
            MODULE.gelu_dropout_gradient(x, beside, drop),
            MODULE.dropout_sum(x, drop, turned),
        ]

    expected = everything()
    monkeypatch.setitem(MODULE.FUSED, "cpu", kernel)
    for found, twin in zip(everything(), expected, strict=True):
        torch.testing.assert_close(found, twin, atol=tolerance, rtol=tolerance)
    assert calls == ["gelu", "gelu_gradient", "sum"]


def test_what_the_fused_kernel_would_misread_is_refused(emulated_core):
    x, where = torch.ones(2, 2, 3), on(emulated_core)
    with pytest.raises(ValueError, match="fused is none of"):
        MODULE.on_cuda(x, Drop((0, 1)), x.clone(), "relu", **where)
    with pytest.raises(ValueError, match="beside is given for"):
        MODULE.on_cuda(x, Drop((0, 1)), x.clone(), "sum", **where)
    with pytest.raises(ValueError, match="beside has not the shape"):
        MODULE.on_cuda(x, Drop((0, 1)), x.clone(), "sum", x[:, :1], **where)


class Refusing:
    """A core whose device cannot be launched on."""

    def __init__(self, core):
        self.core = core

    def cuda_dropout(self, *arguments):
        raise RuntimeError("CUDA: no such device")


@pytest.mark.gpu
@pytest.mark.skipif(not _core.cuda_built, reason="this build has no CUDA kernels")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [*SHAPES, (10, 6400, 400)])
def test_on_a_device(shape, dtype, monkeypatch):
    calls = []
    kernel = MODULE.KERNELS["cuda"]
    monkeypatch.setitem(MODULE.KERNELS, "cuda", lambda *a: (calls.append(1), kernel(*a)))
    drop = Drop(tuple(2**64 - 1 - 3**g for g in range(shape[0])), 7, 0.1, stream=5)
    x = torch.randn(shape, dtype=dtype)
    assert torch.equal(dropout(x.cuda(), drop).cpu(), dropout(x, drop))
    assert calls
