"""Simulation on CUDA devices: kernels emulated on the host against the CPU's, plans, memory and refusals.

Nothing here needs a device but what is marked ``gpu``. The emulation (tests/csrc/emulation) runs the very kernels,
thread by thread, and knows what shared memory, waiting and ballots are; it knows nothing of time, of memory models or
of nvcc.
"""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from synfer import _core
from synfer.connectome import Connectome
from synfer.errors import DeviceError, InputError, SimulationDivergedError
from synfer.network import (
    STDP,
    AlphaSynapse,
    DeltaSynapse,
    ExponentialSynapse,
    GaussianDrive,
    JumpSynapse,
    Network,
    PoissonDrive,
    ShortTermPlasticity,
    SineDrive,
    WhiteNoiseDrive,
)
from synfer.simulate import cuda, map_network, rate_network, run, var_network

sys.path.insert(0, str(Path(__file__).parent))
from emulation import Emulated, build

FUSED = [level for level in ("avx2", "avx512") if level in _core.instruction_levels()]
H100 = (132, 2048, 32, 65536, 232448, 233472)


@pytest.fixture(scope="session")
def emulated_core(tmp_path_factory: pytest.TempPathFactory) -> Any:
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    if not FUSED:
        pytest.skip("needs a processor with fused multiply-adds, which every CUDA device has")
    return build(tmp_path_factory.mktemp("emulation"))


@pytest.fixture(params=[1, 4], ids=["one unit a thread", "four units a thread"])
def emulated(request: Any, emulated_core: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulated]:
    """Puts the emulated device in the place of torch's, and a level with fused multiply-adds in force."""
    before = _core.instruction_level()
    _core.use_instruction_level(FUSED[-1])
    device = Emulated(emulated_core)
    monkeypatch.setattr(cuda, "BACKEND", device)
    monkeypatch.setattr(cuda, "UNITS_PER_THREAD", request.param)
    yield device
    _core.use_instruction_level(before)


def spiking(model: str, n: int = 10, n_networks: int = 3, delay: float | None = None, **more: Any) -> Network:
    """A batch whose networks differ in everything that may differ, and all fire."""
    rng = np.random.default_rng(n)
    mean, variance, weight = {"izhikevich": (5, 9, 5), "lif": (30, 100, 20)}[model]
    shape = (n_networks, n)
    weights = np.where(rng.random((*shape, n)) < 0.4, rng.normal(0, weight, (*shape, n)), 0.0)
    parameters = {"izhikevich": {"a": rng.uniform(0.01, 0.03, shape)}, "lif": {"tau": rng.uniform(0.01, 0.02, shape)}}[
        model
    ]
    given: dict[str, Any] = {
        "drive": GaussianDrive(rng.uniform(mean, 1.5 * mean, shape), variance), "ids": [7, 3, 9][:n_networks],
    }  # fmt: skip
    wiring = Connectome.from_weights(weights, delay=None if delay is None else np.full(weights.shape, delay))
    return Network(model, parameters, wiring, **given | more)


def same(on_cpu: Any, there: Any, names: tuple[str, ...]) -> None:
    for name in names:
        assert isinstance(there[name], torch.Tensor)
        np.testing.assert_array_equal(there[name].cpu().numpy(), on_cpu[name], err_msg=name)


SPIKING = ("v", "spikes", "drive")
SYNAPSES = {"delta": DeltaSynapse(), "exponential": ExponentialSynapse(4e-3, 7e-3)}


@pytest.mark.parametrize("synapse", SYNAPSES)
@pytest.mark.parametrize("model", ["izhikevich", "lif"])
@pytest.mark.parametrize("n", [1, 10, 33, 40])
def test_emulated_spikes_are_the_cpus_to_the_bit(model: str, n: int, synapse: str, emulated: Emulated) -> None:
    network = spiking(model, n, synapse=SYNAPSES[synapse])
    names = (*SPIKING, "u" if model == "izhikevich" else "held")
    on_cpu = run(network, 0.12, record=names, seed=5)
    there = run(network, 0.12, record=names, seed=5, device="cuda")
    assert on_cpu["spikes"].sum() > 3
    same(on_cpu, there, names)
    for name, array in on_cpu.final_state.arrays.items():
        np.testing.assert_array_equal(there.final_state.arrays[name], array, err_msg=name)
    assert there.provenance["device"] == "emulated" and there.leading == "network"


@pytest.mark.parametrize("synapse", SYNAPSES)
@pytest.mark.parametrize("delay", [1e-3, 2e-3, 7e-3])
@pytest.mark.parametrize("every, warmup", [(1, 0.0), (3, 0.0), (4, 0.013)])
def test_emulated_delays_and_rows_are_the_cpus(
    delay: float, every: int, warmup: float, synapse: str, emulated: Emulated
) -> None:
    network = spiking("izhikevich", 12, delay=delay, synapse=SYNAPSES[synapse])
    how: dict[str, Any] = {"record": SPIKING, "seed": 1, "every": every, "warmup": warmup}
    on_cpu = run(network, 0.2, **how)
    same(on_cpu, run(network, 0.2, **how, device="cuda:0"), SPIKING)
    assert on_cpu["spikes"].sum() > 10


@pytest.mark.parametrize("synapse", SYNAPSES)
@pytest.mark.parametrize("delay", [1e-3, 3e-3])
def test_emulated_spikes_of_the_first_state_are_sent(delay: float, synapse: str, emulated: Emulated) -> None:
    network = spiking("lif", 8, delay=delay, synapse=SYNAPSES[synapse])
    begin = {"v": np.linspace(-70, -40, 8), "held": 0.0}
    on_cpu = run(network, 0.02, initial_state=begin, record=SPIKING)
    same(on_cpu, run(network, 0.02, initial_state=begin, record=SPIKING, device="cuda"), SPIKING)


@pytest.mark.parametrize("synapse", SYNAPSES)
def test_emulated_slices_and_what_goes_on_elsewhere_are_one_run(
    synapse: str, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = spiking("izhikevich", 10, delay=2e-3, synapse=SYNAPSES[synapse])
    whole = run(network, 0.3, record=SPIKING, every=2, seed=2)
    monkeypatch.setattr("synfer.simulate.recorded.SLICE_UNIT_STEPS", 64)
    same(whole, run(network, 0.3, record=SPIKING, every=2, seed=2, device="cuda"), SPIKING)
    begun = run(network, 0.1, record=SPIKING, every=2, seed=2, device="cuda")
    rest = run(network, 0.2, record=SPIKING, every=2, initial_state=begun.final_state)
    np.testing.assert_array_equal(rest["v"], whole["v"][:, 50:])
    begun = run(network, 0.1, record=SPIKING, every=2, seed=2)
    rest = run(network, 0.2, record=SPIKING, every=2, initial_state=begun.final_state, device="cuda")
    np.testing.assert_array_equal(rest["v"].numpy(), whole["v"][:, 50:])


def test_emulated_networks_do_not_depend_on_their_batch(emulated: Emulated) -> None:
    network = spiking("izhikevich", 10)
    batch = run(network, 0.1, record=SPIKING, device="cuda")
    for k in range(3):
        alone = run(network.isel(network=k), 0.1, record=SPIKING, device="cuda")
        for name in SPIKING:
            assert torch.equal(alone[name], batch[name][k])


def test_emulated_weights_beyond_shared_memory_are_read_where_they_lie(emulated: Emulated) -> None:
    network = spiking("lif", 300, n_networks=1)
    assert _core.cuda_plan(1, 300, True, H100)["weights"] == "global"
    on_cpu = run(network, 0.05, record=SPIKING)
    assert on_cpu["spikes"].sum() > 100
    same(on_cpu, run(network, 0.05, record=SPIKING, device="cuda"), SPIKING)


def test_emulated_units_without_a_drive_or_noise(emulated: Emulated) -> None:
    for drive in ([], GaussianDrive(12.0, 0.0), WhiteNoiseDrive(12.0, 0.1)):
        network = spiking("izhikevich", 10, drive=drive)
        same(run(network, 0.1, record=SPIKING), run(network, 0.1, record=SPIKING, device="cuda"), SPIKING)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "linear"])
@pytest.mark.parametrize("make", [rate_network, map_network])
@pytest.mark.parametrize("n", [5, 37, 64, 101, 250])
def test_emulated_rates_are_the_cpus(activation: str, make: Callable, n: int, emulated: Emulated) -> None:
    rng = np.random.default_rng(n)
    weights = rng.normal(0, 0.8 / np.sqrt(n), (2, n, n))
    if make is map_network and activation == "linear":
        network = var_network(0.5 * weights[:, None], noise=0.3)
    else:
        network = make(
            weights, activation=activation, noise=0.3, bias=rng.normal(size=n), drive=GaussianDrive(0.1, 0.2)
        )
    how: dict[str, Any] = {"record": ("x", "drive"), "seed": 4, "every": 2, "warmup": 5e-3}
    on_cpu, there = run(network, 0.04, **how), run(network, 0.04, **how, device="cuda")
    np.testing.assert_array_equal(there["drive"].numpy(), on_cpu["drive"])
    np.testing.assert_allclose(there["x"].numpy(), on_cpu["x"], rtol=2e-5, atol=2e-6)
    assert np.ptp(on_cpu["x"]) > 0.1


def test_emulated_divergence_is_named_as_on_the_cpu(emulated: Emulated) -> None:
    weights = np.zeros((3, 4, 4))
    weights[1, 2, 3], weights[2, 1, 0] = 1e38, 1e38
    network = rate_network(weights, activation="linear", tau=1e-3, bias=[1, 1, 1, 1e5], ids=[4, 5, 6])
    with pytest.raises(SimulationDivergedError) as on_cpu:
        run(network, 0.02)
    with pytest.raises(SimulationDivergedError) as there:
        run(network, 0.02, device="cuda")
    assert str(there.value) == str(on_cpu.value)


@pytest.mark.parametrize("n_units", [1, 7, 40, 64, 200, 238, 239, 1000, 1024])
@pytest.mark.parametrize("spiking_units", [True, False])
def test_a_plan_fits_the_device_and_covers_the_batch(n_units: int, spiking_units: bool) -> None:
    for n_networks, units_per_thread in itertools.product((1, 3, 131, 133, 100_000), (0, 1, 4)):
        plan = _core.cuda_plan(n_networks, n_units, spiking_units, H100, units_per_thread)
        networks, threads = plan["networks_per_block"], plan["threads"]
        one = plan["units_per_thread"] == 1
        assert one or (spiking_units and units_per_thread != 1 and n_units <= 128)
        assert threads % 32 == 0 and networks * (n_units if one else -(-n_units // 4)) <= threads <= (
            1024 if one else 32
        )
        assert plan["blocks"] * networks >= n_networks > (plan["blocks"] - 1) * networks
        weights = networks * n_units**2 * 4 if plan["weights"] == "shared" else 0
        assert weights + (threads // 4 if one else threads) <= plan["shared_bytes"] <= H100[4]
    assert _core.cuda_plan(100, n_units, spiking_units, H100)["networks_per_block"] == 1  # a processor each


def test_the_papers_networks_leave_few_threads_without_a_unit() -> None:
    plan = _core.cuda_plan(100_000, 40, True, H100)
    assert plan["units_per_thread"] == 4 and plan["networks_per_block"] * 10 / plan["threads"] == 30 / 32
    plan = _core.cuda_plan(100_000, 40, True, H100, 1)
    assert plan["weights"] == "shared" and plan["networks_per_block"] * 40 / plan["threads"] == 1.0


def test_few_networks_are_spread_over_the_processors_a_unit_a_thread() -> None:
    assert _core.cuda_plan(132 * 3 * 4 - 3, 40, True, H100)["units_per_thread"] == 1
    assert _core.cuda_plan(132 * 3 * 4, 40, True, H100)["units_per_thread"] == 4
    assert _core.cuda_plan(100_000, 128, True, H100)["units_per_thread"] == 1  # too few warps fit beside their weights
    assert _core.cuda_plan(100_000, 1, True, H100)["units_per_thread"] == 1


LIF = spiking("lif", 6)
UNSUPPORTED: dict[str, tuple[Network, dict[str, Any], str]] = {
    "model": (
        Network("adex", {}, LIF.connectome),
        {},
        r"model 'adex' has no CUDA kernel, as izhikevich, lif, leaky_tanh",
    ),
    "synapse": (spiking("lif", 6, synapse=AlphaSynapse(5e-3, 5e-3)), {}, "the synapse AlphaSynapse"),
    "jump": (spiking("lif", 6, synapse=JumpSynapse()), {}, r"the synapse JumpSynapse\(\) has no CUDA kernel"),
    "plasticity": (spiking("lif", 6, plasticity=ShortTermPlasticity(0.5, 0.1)), {}, "plasticity has no CUDA kernel"),
    "learning": (
        spiking("lif", 6, n_networks=1, plasticity=STDP(0.1, 0.1, w_min=0, w_max=1e3)),
        {},
        "plasticity has no CUDA",
    ),
    "drive": (LIF, {"drive": PoissonDrive(10.0, 1.0)}, "drive of kind 'poisson' has no CUDA kernel"),
    "drives": (LIF, {"drive": [GaussianDrive(1, 1)] * 2}, "at most one on CUDA; got 2"),
    "one drive": (
        LIF,
        {"drive": {"noise": GaussianDrive(1, 1)}, "record": "drive_noise"},
        "record='drive_noise' has no CUDA kernel",
    ),
    "sine": (LIF, {"drive": [GaussianDrive(1, 1), SineDrive(1.0, 5.0)]}, "'sine'"),
    "dtype": (LIF, {"dtype": "float64"}, "dtype='float64' has no CUDA kernel"),
    "layout": (LIF, {"layout": "sparse"}, "layout='sparse' has no CUDA kernel"),
    "events": (LIF, {"spikes": "events", "record": "spikes"}, "spikes='events' has no CUDA kernel"),
    "out": (LIF, {"out": {}}, "out has no CUDA kernel"),
    "some units": (LIF, {"units": [1]}, "units has no CUDA kernel"),
    "lags": (var_network(np.zeros((2, 3, 3)) + 0.1), {}, "coupling over several lags"),
    "units": (rate_network(np.zeros((1025, 1025))), {}, "at most 1024 units on CUDA.*got 1025"),
    "another device": (LIF, {"device": "cuda:3"}, "'cuda:0' to 'cuda:0'; got 'cuda:3'"),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_what_has_no_kernel_is_refused_by_name(case: str, emulated: Emulated) -> None:
    network, how, message = UNSUPPORTED[case]
    with pytest.raises(DeviceError, match=message):
        run(network, 0.01, **{"device": "cuda", **how})


def test_different_delays_are_refused(emulated: Emulated) -> None:
    weights, delays = np.ones((3, 3)), np.array([[1, 2, 3]] * 3) * 1e-3
    network = Network("lif", {}, Connectome.from_weights(weights, delay=delays))
    with pytest.raises(DeviceError, match="different delays has no CUDA kernel"):
        run(network, 0.01, device="cuda")


def test_memory_is_foretold_and_refused_with_the_number(emulated: Emulated) -> None:
    needed = cuda.needed_bytes(3, 6, 2, 1000, 4 + 1, 1)
    assert needed == 3 * 36 * 4 + 3 * 6 * 1000 * 5 + 3 * 6 * 4 * 13 + 3 * 12
    two_receptors = cuda.needed_bytes(3, 6, 2, 1000, 4 + 1, 4, 2)
    assert two_receptors - needed == 3 * 6 * 4 * (1 + 2 * 4 + 2)  # a current, what is on its way, factors
    emulated.free = needed - 1
    with pytest.raises(
        DeviceError, match=r"the run would need 0.00 GB of the CUDA device's memory and 0.00 GB are free"
    ):
        run(LIF, 1.0, record=("v", "spikes"), device="cuda")
    emulated.free = needed
    run(LIF, 1.0, record=("v", "spikes"), device="cuda")


@pytest.mark.parametrize("n_threads", [1, 2])
def test_weights_beyond_float32_are_refused_with_their_place(n_threads: int, emulated: Emulated) -> None:
    weights = np.zeros((2, 3, 3))
    weights[1, 2, 0] = 1e39
    network = Network("lif", {}, Connectome.from_weights(weights))
    with pytest.raises(InputError, match=r"weights must be finite in float32; that at \(1, 2, 0\) is not"):
        run(network, 0.01, device="cuda", n_threads=n_threads)


def test_looking_for_infinite_weights_takes_no_memory(emulated: Emulated) -> None:
    """`needed_bytes` knows of two arrays of that size: as they come, and by source."""
    large: list[str] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = operator(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor) and made.numel() >= 2 * 40 * 40 and not operator.is_view:
                large.append(operator._schema.name)
            return made

    with Watch():
        run(spiking("lif", 40, 2), 1e-3, device="cuda", n_threads=1)  # several have torch round them, on the host
    assert sorted(large) == ["aten::_to_copy", "aten::clone"]


def test_spikes_are_counted_after_more_steps_than_an_int_holds(emulated: Emulated) -> None:
    core, rows = emulated.core, 10**9  # three steps each

    def simulate_late(*arguments: Any) -> None:
        *before, told = arguments
        told = told | {name: told[name] + 3 * rows for name in ("begin", "end")} | {"n_rows": told["n_rows"] + rows}
        told["record"] = {name: (address - rows * told["n_units"]) % 2**64 for name, address in told["record"].items()}
        core.cuda_simulate(*before, told)

    emulated.core = SimpleNamespace(**vars(core) | {"cuda_simulate": simulate_late})  # type: ignore[assignment]
    spikes = run(spiking("lif", 6, 1), 0.3, record=("spikes",), every=3, device="cuda")["spikes"]
    assert spikes.sum() > 10 and spikes.max() <= 3


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:-1", "CUDA", 0, None])
def test_a_device_that_is_no_name_is_refused(device: Any) -> None:
    with pytest.raises(InputError, match="device must be 'cpu', or 'cuda'"):
        run(LIF, 0.01, device=device)


def test_a_build_without_kernels_and_a_machine_without_devices_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unbuilt:
        cuda_built = False

    backend = cuda.TorchCuda()
    backend.core = Unbuilt()
    monkeypatch.setattr(cuda, "BACKEND", backend)
    with pytest.raises(DeviceError, match="this build of synfer has no CUDA kernels for 'cuda'"):
        run(LIF, 0.01, device="cuda")
    Unbuilt.cuda_built = True
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="sees no CUDA device for 'cuda:1'"):
        run(LIF, 0.01, device="cuda:1")


@pytest.fixture(params=[1, 4], ids=["one unit a thread", "four units a thread"])
def units_per_thread(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "UNITS_PER_THREAD", request.param)


@pytest.mark.gpu
@pytest.mark.usefixtures("units_per_thread")
@pytest.mark.parametrize("synapse", SYNAPSES)
@pytest.mark.parametrize("model", ["izhikevich", "lif"])
def test_a_device_agrees_with_the_cpu_at_first_and_in_statistics_after(model: str, synapse: str) -> None:
    network = spiking(model, 40, synapse=SYNAPSES[synapse])
    on_cpu = run(network, 5.0, record=SPIKING, seed=5)
    there = run(network, 5.0, record=SPIKING, seed=5, device="cuda")
    assert there["v"].is_cuda
    np.testing.assert_allclose(there["drive"].cpu().numpy(), on_cpu["drive"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(there["v"][:, :20].cpu().numpy(), on_cpu["v"][:, :20], rtol=1e-3, atol=1e-3)
    rates = there["spikes"].float().mean(1).cpu().numpy(), on_cpu["spikes"].mean(1)
    np.testing.assert_allclose(rates[0], rates[1], rtol=0.3, atol=5e-3)
    np.testing.assert_allclose(rates[0].mean(), rates[1].mean(), rtol=0.03)


@pytest.mark.gpu
@pytest.mark.parametrize("delay", [1e-3, 3e-3])
@pytest.mark.parametrize("synapse", SYNAPSES)
@pytest.mark.parametrize("model", ["izhikevich", "lif"])
@pytest.mark.parametrize("n", [10, 33, 40])
def test_a_device_gives_the_same_bits_however_a_batch_is_cut(
    n: int, model: str, synapse: str, delay: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = spiking(model, n, synapse=SYNAPSES[synapse], delay=delay)
    batch = run(network, 1.0, record=SPIKING, device="cuda")
    for units_per_thread in (1, 4):
        monkeypatch.setattr(cuda, "UNITS_PER_THREAD", units_per_thread)
        again = run(network, 1.0, record=SPIKING, device="cuda")
        for name in SPIKING:
            assert torch.equal(batch[name], again[name])
        for k in range(3):
            assert torch.equal(run(network.isel(network=k), 1.0, device="cuda")["v"], batch["v"][k])
    assert batch["spikes"].sum() > 10


@pytest.mark.gpu
def test_a_device_agrees_with_the_cpu_on_rates() -> None:
    rng = np.random.default_rng(0)
    network = rate_network(rng.normal(0, 0.1, (4, 200, 200)), noise=0.3, drive=GaussianDrive(0.1, 0.2))
    on_cpu, there = run(network, 0.02, seed=1), run(network, 0.02, seed=1, device="cuda")
    np.testing.assert_allclose(there["x"].cpu().numpy(), on_cpu["x"], rtol=1e-4, atol=1e-5)
