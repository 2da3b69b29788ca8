"""Bad input to a run: a typed error that names the argument, before the kernel."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import DelayWarning, InputError, ShapeError, SimulationDivergedError, SynferError, UnknownNameError
from synfer.network import GaussianDrive, Network, PoissonDrive
from synfer.simulate import izhikevich_network, run, run_reference

NETWORK = izhikevich_network(4, 1, 0.4, n_networks=3)
SINGLE = NETWORK.isel(network=1)


def filled(shape: tuple, dtype: Any = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


REFUSED = {
    "negative duration": ({"duration": -1.0}, InputError, "duration"),
    "no duration": ({"duration": 0.0}, InputError, "duration"),
    "NaN duration": ({"duration": np.nan}, InputError, "duration"),
    "duration of text": ({"duration": "5"}, InputError, "duration"),
    "less than a step": ({"duration": 1e-4}, InputError, "steps"),
    "zero dt": ({"dt": 0.0}, InputError, "dt"),
    "steps past the counter": ({"duration": 1e9, "dt": 1e-9}, InputError, "steps"),
    "unknown signal": ({"record": ("v", "spike")}, UnknownNameError, "spikes"),
    "no signal": ({"record": ()}, InputError, "record"),
    "unknown dtype": ({"dtype": "float16"}, InputError, "dtype"),
    "no device": ({"device": "cuda:99"}, InputError, "cuda:99"),
    "no threads": ({"n_threads": 0}, InputError, "n_threads"),
    "threads in parts": ({"n_threads": 1.5}, InputError, "n_threads"),
    "negative seed": ({"seed": -1}, InputError, "seed"),
    "seed too long": ({"seed": 2**64}, InputError, "seed"),
    "seed of text": ({"seed": "a"}, InputError, "seed"),
    "more than memory": ({"duration": 1e7}, InputError, r"GB .* available"),
    "drive of another length": ({"drive": filled((3, 9, 5))}, ShapeError, r"\(network, time, unit\) = \(3, 10, 5\)"),
    "drive transposed": ({"drive": filled((5, 10))}, ShapeError, r"\(time, unit\) = \(10, 5\)"),
    "drive of text": ({"drive": "noise"}, InputError, "drive"),
    "drive with a hole": ({"drive": np.where(np.arange(50).reshape(10, 5) == 17, np.nan, 0)}, InputError, r"\(3, 2\)"),
    "drive beyond float32": ({"drive": np.full((10, 5), 1e300)}, InputError, "float32"),
    "unknown state": ({"initial_state": {"v": 0, "u": 0, "w": 0}}, UnknownNameError, "'w'"),
    "state of other shape": ({"initial_state": {"v": 0, "u": filled((4,))}}, ShapeError, r"\(network, unit\) = \(3"),
    "infinite state": ({"initial_state": {"v": np.inf, "u": 0}}, InputError, "finite"),
    "state that is no dict": ({"initial_state": [1, 2]}, InputError, "dict"),
    "no network": ({"network": None}, InputError, "network must be a Network; got a NoneType"),
    "duration past floats": ({"duration": 10**400}, InputError, "duration"),
    "steps past floats": ({"duration": 1e300, "dt": 1e-300}, InputError, "steps"),
    "record a number": ({"record": 3}, InputError, "record must be .*got 3"),
    "record units of a signal": ({"record": {"v": [0, 1]}}, InputError, r"record must be .*\[0, 1\]\}.*run_views"),
    "record a list of lists": ({"record": [["v"]]}, UnknownNameError, "record"),
    "dtypes": ({"dtype": np.zeros(2)}, InputError, "dtype"),
    "devices": ({"device": np.zeros(2)}, InputError, "device"),
    "negative warm-up": ({"warmup": -1.0}, InputError, "warmup must be seconds, at least 0; got -1.0"),
    "warm-up of text": ({"warmup": "1"}, InputError, "warmup"),
    "warm-up past the counter": ({"warmup": 1e9}, InputError, "steps"),
    "no rows": ({"every": 11}, InputError, "every must be at most the 10 steps of the duration; got 11"),
    "every nothing": ({"every": 0}, InputError, "every"),
    "every half": ({"every": 0.5}, InputError, "every"),
    "a raster of too many steps": (
        {"duration": 1.0, "every": 256, "record": "spikes"}, InputError, "every must be at most 255 .*spikes='events'",
    ),
    "spikes as another thing": ({"spikes": "list"}, InputError, "spikes must be 'raster' or 'events'; got 'list'"),
    "events of what is not recorded": ({"spikes": "events"}, InputError, "record must name 'spikes'"),
    "too many drives": ({"drive": [GaussianDrive(0, 0)] * 65}, InputError, "drive must be at most 64 drives"),
    "drives of other networks": (
        {"drive": GaussianDrive(filled((2, 5)), 0)}, ShapeError, r"\(network, unit\) = \(3, 5\)",
    ),
    "too many events": ({"drive": PoissonDrive(2e5, 1)}, InputError, "rate .* at most 100000 Hz .*GaussianDrive"),
    "drives beyond float32": ({"drive": GaussianDrive(1e200, 0)}, InputError, "finite in float32"),
    "one drive of text": ({"drive": [GaussianDrive(0, 0), "noise"]}, InputError, "drive"),
    "more threads than machines have": ({"n_threads": 2**40}, InputError, "n_threads must be .*1 to 1024"),
    "ragged drive": ({"drive": [[1.0], [1.0, 2.0]]}, InputError, "drive must be .*lengths"),
    "ragged state": ({"initial_state": {"v": 0, "u": [[1], [1, 2]]}}, InputError, r"initial_state\['u'\] .*lengths"),
    "state of text": ({"initial_state": {"v": "rest", "u": 0}}, InputError, r"initial_state\['v'\]"),
    "state beyond float32": ({"initial_state": {"v": 1e300, "u": 0}}, InputError, r"initial_state\['v'\] .*float32"),
    "out that is an array": ({"out": filled((3, 10, 5))}, InputError, "out must be a dict .*ndarray"),
    "out not recorded": ({"out": {"u": filled((3, 10, 5))}}, UnknownNameError, "'u'"),
    "out of another shape": ({"out": {"v": filled((3, 10, 6))}}, ShapeError, r"\(3, 10, 5\)"),
    "out of another dtype": ({"out": {"v": filled((3, 10, 5), float)}}, InputError, "float32"),
    "out transposed": ({"out": {"v": filled((5, 10, 3)).T}}, InputError, "C order"),
    "out that is a list": ({"out": {"v": [0.0]}}, InputError, "list"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_arguments_are_refused_by_name(case: str) -> None:
    given, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        run(**{"network": NETWORK, "duration": 0.01, **given})


def test_a_read_only_out_is_refused() -> None:
    v = filled((10, 5))
    v.setflags(write=False)
    with pytest.raises(InputError, match="writeable"):
        run(SINGLE, 0.01, out={"v": v})


def test_outs_that_overlap_are_refused() -> None:
    block = filled((11, 5))
    with pytest.raises(InputError, match="share memory"):
        run(SINGLE, 0.01, record=("v", "u"), out={"v": block[:10], "u": block[1:]})


def test_a_step_that_makes_another_network_is_warned_of() -> None:
    with pytest.warns(DelayWarning, match=r"dt = 0\.0005 s .*0\.001 s.*one step.*dt=0\.001"):
        halved = run(NETWORK, 0.01, dt=5e-4)
    assert halved.n_samples == 20
    # No warning, which would be an error here: no delay, or whole steps, or unsaid where there is no synapse.
    weights = np.array([[0.0, 5.0], [0.0, 0.0]])
    drive = GaussianDrive(5, 5)
    for delay in (None, 5e-4, 1e-3, np.array([[1e-4, 2e-3], [np.nan, 3e-4]])):
        wiring = Connectome.from_weights(weights, delay=delay)
        assert run(Network("izhikevich", {}, wiring, drive=drive), 0.01, dt=5e-4).n_samples == 20


@pytest.mark.parametrize(("delay", "taken"), [(1.3e-3, 1.5e-3), (1e-4, 5e-4)])
def test_delays_that_are_no_whole_steps_are_rounded_with_a_warning(delay: float, taken: float) -> None:
    given, rounded = (Connectome.from_weights([[0.0, 50.0], [0.0, 0.0]], delay=d) for d in (delay, taken))
    drive = np.full((40, 2), 20.0)
    with pytest.warns(DelayWarning, match=rf"{delay:g} s.*taken as {taken:g} s"):
        one = run(Network("izhikevich", {}, given), 0.02, dt=5e-4, drive=drive)
    assert np.array_equal(one["v"], run(Network("izhikevich", {}, rounded), 0.02, dt=5e-4, drive=drive)["v"])


def test_delays_beyond_what_can_be_counted_are_refused() -> None:
    wiring = Connectome.from_weights([[0.0, 5.0], [0.0, 0.0]], delay=7.0)
    with pytest.raises(
        InputError,
        match=r"delays must be at most 65535 steps .* longest is 7 s: take shorter .* or a larger dt",
    ):
        run(Network("izhikevich", {}, wiring, drive=GaussianDrive(0, 0)), 0.01, dt=1e-4)


def test_arrays_and_dtypes_that_come_from_elsewhere_are_taken() -> None:
    out = pickle.loads(pickle.dumps(filled((10, 5))))  # its dtype equals numpy's own and is another object
    drive = pickle.loads(pickle.dumps(filled((10, 5))))
    assert out.dtype is not np.dtype(np.float32)
    recording = run(SINGLE, 0.01, drive=drive, out={"v": out}, dtype=np.dtype(np.float32))
    assert recording["v"] is out
    assert np.array_equal(out, run(SINGLE, 0.01, drive=np.zeros((10, 5)))["v"])


def test_unknown_models_and_parameters_are_refused() -> None:
    wiring = Connectome.from_weights(np.zeros((2, 2)))
    with pytest.raises(UnknownNameError, match="izhikevich"):
        Network("izikevich", {}, wiring)
    with pytest.raises(UnknownNameError, match="threshold"):
        Network("izhikevich", {"treshold": 30.0}, wiring)


def test_the_twin_takes_one_network_and_the_arguments_of_run() -> None:
    batch = Network("lif", {}, Connectome.from_weights(np.zeros((2, 3, 3))), drive=GaussianDrive(30.0, 4.0))
    for wrong in (batch, "lif"):
        with pytest.raises(InputError, match=r"without a network axis; take one of a batch by isel"):
            run_reference(wrong, 0.01)
    one = batch.isel(network=1)
    assert run_reference(one, 0.01).identical(run_reference(one, 0.01, seed=0))
    for how, words in (({"seed": -1}, "seed must"), ({"dt": 0.0}, "dt must"), ({"duration": np.nan}, "duration must")):
        with pytest.raises(InputError, match=words):
            run_reference(one, **{"duration": 0.01, **how})


def test_values_beyond_the_dtype_are_refused() -> None:
    drive = GaussianDrive(0.0, 0.0)
    with pytest.raises(InputError, match=r"'d' must be finite in float32"):
        run(Network("izhikevich", {"d": 1e200}, Connectome.from_weights(np.zeros((2, 2))), drive=drive), 0.01)
    heavy = Network("izhikevich", {}, Connectome.from_weights([[0, 1e200], [0, 0]]), drive=drive)
    with pytest.raises(InputError, match=r"weights .*\(0, 1\)"):
        run(heavy, 0.01)
    assert run(heavy, 0.01, dtype="float64").n_samples == 10
    with pytest.raises(InputError, match=r"'width' must be positive in float32"):
        run(Network("escape_lif", {"width": 1e-60}, Connectome.from_weights(np.zeros((2, 2))), drive=drive), 0.01)


def test_ids_beyond_the_counter_are_refused() -> None:
    network = Network(
        "izhikevich", {}, Connectome.from_weights(np.zeros((2, 2))), drive=GaussianDrive(0, 0), ids=[2**32]
    )
    with pytest.raises(InputError, match="ids"):
        run(network, 0.01)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("step", [0, 5, 31, 32, 70])
def test_an_unstable_simulation_names_network_neuron_and_step(level: str, dtype: str, step: int) -> None:
    drive = np.zeros((3, 100, 5), dtype)
    drive[1, step, 3] = 1e30 if dtype == "float32" else 1e200
    drive[1, step + 3, 4] = drive[1, step, 3]
    with pytest.raises(SimulationDivergedError, match=rf"network 1: .*unit 3 .*after step {step} ") as caught:
        run(NETWORK, 0.1, drive=drive, dtype=dtype, record=("spikes",), n_threads=2)
    assert isinstance(caught.value, SynferError)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_of_several_divergences_the_first_in_time_is_named(n_threads: int) -> None:
    drive = np.zeros((3, 100, 5), np.float32)
    drive[0, 60, 0] = drive[1, 40, 2] = drive[2, 40, 1] = 1e30
    with pytest.raises(SimulationDivergedError, match=r"network 1: .*unit 2 .*after step 40 "):
        run(NETWORK, 0.1, drive=drive, n_threads=n_threads)


def test_a_growing_instability_is_found_where_a_state_is_first_not_finite() -> None:
    unstable = Network(
        "izhikevich", {"a": 3.5}, Connectome.from_weights(np.zeros((4, 4))), drive=GaussianDrive(5, 5), ids=[12]
    )
    with pytest.raises(SimulationDivergedError, match="network 12") as caught:
        run(unstable, 2.0)
    step = int(str(caught.value).split("step ")[1].split(" ")[0])
    finite = run(unstable, step * 1e-3, record=("v", "u"))
    assert np.isfinite(finite["v"]).all()
    assert np.isfinite(finite["u"]).all()
    with pytest.raises(SimulationDivergedError):
        run(unstable, (step + 1) * 1e-3)
