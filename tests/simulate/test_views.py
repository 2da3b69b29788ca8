"""Several recordings of one run, of some units and steps: beside parts of a recording of everything."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synfer.connectome import Connectome
from synfer.errors import DeviceError, InputError, UnknownNameError
from synfer.network import ExponentialSynapse, GaussianDrive, Network, SineDrive
from synfer.recording import Recording
from synfer.simulate import engine, izhikevich_network, lorenz96_network, rate_network, recorded, run, run_views

SIGNALS = ("v", "u", "spikes", "drive", "drive_tone", "drive_noise")


def network_of(n_units: int, n_networks: int | None) -> Network:
    rng = np.random.default_rng(n_units)
    shape = (n_units, n_units) if n_networks is None else (n_networks, n_units, n_units)
    labels = [f"unit {k}" for k in range(n_units)]
    wiring = Connectome.from_weights(rng.normal(0, 2, shape) * (rng.random(shape) < 0.3), unit_ids=labels)
    return Network("izhikevich", {}, wiring, drive={"noise": GaussianDrive(9, 25), "tone": SineDrive(3, 20)})


@st.composite
def asked(draw: st.DrawFn, n_units: int) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(SIGNALS), min_size=1, unique=True))
    view: dict[str, Any] = {"record": names, "every": draw(st.sampled_from([1, 2, 5, 7]))}
    if draw(st.booleans()):
        some = draw(st.lists(st.integers(0, n_units - 1), min_size=1, unique=True))
        view["units"] = [f"unit {k}" for k in some]
    if "spikes" in names and draw(st.booleans()):
        view["spikes"] = "events"
    return view


def part_of(whole: Recording, view: dict[str, Any], warmup: int) -> dict[str, np.ndarray]:
    """Give what a view should show, cut by numpy from a recording of all units and steps."""
    every, n_rows = view["every"], (whole.n_samples - warmup) // view["every"]
    units = slice(None)
    if "units" in view:
        units = np.sort([whole.unit_ids.tolist().index(label) for label in view["units"]])
    parts = {}
    for name in view["record"]:
        kept = whole[name][..., warmup : warmup + n_rows * every, :][..., units]
        rows = kept.reshape(*kept.shape[:-2], n_rows, every, kept.shape[-1])
        parts[name] = rows.sum(-2) if name == "spikes" else rows[..., -1, :]
    return parts


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_views_are_parts_of_the_whole(data: st.DataObject) -> None:
    n_units, n_networks = data.draw(st.sampled_from([(1, None), (7, 3), (20, 12), (40, None), (600, None), (700, 2)]))
    network, warmup = network_of(n_units, n_networks), data.draw(st.sampled_from([0, 11]))
    whole = run(network, 0.15, record=SIGNALS, seed=2)
    views = {str(k): data.draw(asked(n_units)) for k in range(data.draw(st.integers(1, 4)))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "UNITS_PER_THREAD", data.draw(st.sampled_from([7, 10**6])))
        patch.setattr(
            recorded, "SLICE_UNIT_STEPS", n_units * (n_networks or 1) * data.draw(st.sampled_from([40, 10**6]))
        )
        seen = run_views(
            network, 0.15 - warmup * 1e-3, views=views, warmup=warmup * 1e-3, seed=2,
            n_threads=data.draw(st.integers(1, 3)),
        )  # fmt: skip
    assert list(seen) == list(views)
    for name, view in views.items():
        got = seen[name]
        assert got.signal_names == view["record"]
        assert got.dt == pytest.approx(view["every"] * 1e-3)
        for signal, wanted in part_of(whole, view, warmup).items():
            assert np.array_equal(got[signal], wanted), (name, signal)
        assert got.final_state is seen["0"].final_state
        labels = whole.unit_ids if "units" not in view else sorted(view["units"], key=whole.unit_ids.tolist().index)
        assert got.unit_ids.tolist() == list(labels)
        if view.get("spikes") == "events":
            fine = part_of(whole, view | {"every": 1}, warmup)["spikes"][..., : got.n_samples * view["every"], :]
            times = (warmup + 1 + np.nonzero(fine)[-2]) * 1e-3
            np.testing.assert_allclose(got.spike_times()["time"], times, atol=1e-9)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_units_without_spikes_are_seen_in_part_too(n_threads: int) -> None:
    rng = np.random.default_rng(0)
    for network in (
        rate_network(1.5 / 20 * rng.normal(size=(400, 400)), noise=0.1),
        rate_network(0.3 * rng.normal(size=(3, 9, 9)), noise=0.1),
        lorenz96_network(12, noise=0.1),
    ):
        whole = run(network, 0.1, 2e-3, record=("x", "drive"), seed=1)
        views = {"one": {"units": [8, 3], "every": 4}, "all": {"record": ("drive", "x"), "every": 3}}
        seen = run_views(network, 0.1, 2e-3, views=views, seed=1, n_threads=n_threads)
        assert np.array_equal(seen["one"]["x"], whole["x"][..., 3::4, [3, 8]])
        assert seen["one"].unit_ids.tolist() == [3, 8]
        for name in ("x", "drive"):
            assert np.array_equal(seen["all"][name], whole[name][..., 2::3, :])


def test_hidden_units_are_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large network's units in part: refused whole, where there is memory for some of them."""
    rng = np.random.default_rng(1)
    n = 5000
    pairs = np.unique(rng.integers(0, n * n, 10 * n))
    wiring = Connectome.from_edges(pairs % n, pairs // n, n_units=n, weight=np.full(len(pairs), 1.62))
    network = Network(
        "lif", {"rest": -49.0, "reset": -60.0, "threshold": -50.0}, wiring, synapse=ExponentialSynapse(5e-3, 10e-3)
    )
    monkeypatch.setattr("synfer.simulate.memory.available_bytes", lambda: 130_000_000)
    with pytest.raises(InputError, match=r"would need .* GB of memory"):
        run(network, 2.0, 1e-4, record="v")
    start = {"v": rng.uniform(-60, -50, n)}
    seen = run_views(
        network, 0.1, 1e-4, initial_state=start,
        views={"cells": {"record": "v", "units": [4999, 7]}, "all": {"record": "spikes", "spikes": "events"}},
    )  # fmt: skip
    monkeypatch.undo()
    whole = run(network, 0.1, 1e-4, initial_state=start, record=("v", "spikes"))
    assert np.array_equal(seen["cells"]["v"], whole["v"][:, [7, 4999]])
    assert seen["all"].spike_times().sizes["event"] == whole["spikes"].sum() > 100
    assert np.array_equal(seen["all"]["spikes"], whole["spikes"])


def test_the_list_of_spikes_is_refused_as_it_outgrows_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    network = izhikevich_network(80, 20, 0.1, seed=1)
    monkeypatch.setattr("synfer.simulate.memory.NEVER_REFUSED", 1000)
    monkeypatch.setattr("synfer.simulate.memory.available_bytes", lambda: 20_000_000)
    monkeypatch.setattr(engine, "BYTES_OF_EVENT", 10**6)
    with pytest.raises(InputError, match=r"the list of spikes until step \d+ would need .* take units="):
        run(network, 1.0, record="spikes", spikes="events")


def test_what_cannot_be_seen_is_refused() -> None:
    network = izhikevich_network(8, 2, 0.5, seed=1)
    for wrong in ({}, None, ["v"], {"a": "v"}, {"a": ["v"]}, {3: {}}):
        with pytest.raises(InputError, match="views"):
            run_views(network, 0.1, views=wrong)
    with pytest.raises(UnknownNameError, match=r"views\['a'\]: argument 'unit'.*units"):
        run_views(network, 0.1, views={"a": {"unit": [1]}})
    with pytest.raises(InputError, match="record must be given in views"):
        run_views(network, 0.1, views={"a": {}}, record="v")
    with pytest.raises(TypeError, match="recrod"):
        run_views(network, 0.1, views={"a": {}}, recrod="v")
    for units in ([], [0, 0], [[0]], [10], ["one"], [0.5], [True, False], {}, slice(3)):
        with pytest.raises(InputError, match="units"):
            run(network, 0.1, units=units)
    with pytest.raises(InputError, match=r"record must be names .* run_views"):
        run(network, 0.1, record={"v": {"units": [0]}})
    with pytest.raises(InputError, match="'spikes'"):
        run_views(network, 0.1, views={"a": {}, "b": {"spikes": "events"}})
    same = np.empty((100, 10), np.float32)
    with pytest.raises(InputError, match="must not share memory"):
        run_views(network, 0.1, views={"a": {"out": {"v": same}}, "b": {"out": {"v": same}}})
    with pytest.raises(UnknownNameError, match="out"):  # a list has no array to be recorded in
        run(network, 0.1, record=("v", "spikes"), spikes="events", out={"spikes": np.zeros((100, 10), np.uint8)})
    out = np.empty((100, 2), np.float32)
    run(network, 0.1, units=[4, 1], out={"v": out})
    assert np.array_equal(out, run(network, 0.1)["v"][:, [1, 4]])
    with pytest.raises((DeviceError, InputError), match=re.compile("cuda|device")):
        run(network, 0.1, units=[1], device="cuda")
