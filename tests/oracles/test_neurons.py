"""Oracle: neuron models against paper and scipy's integrators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from synfer.connectome import Connectome
from synfer.network import Network
from synfer.simulate import run
from synfer.simulate.neurons import MODELS
from synfer.simulate.reference_neurons import cortical_rates, squid_rates

ALONE = Connectome.from_weights([[0.0]])


def course(model: str, current: float, duration: float, dt: float, **parameters: float) -> dict[str, np.ndarray]:
    """States and spikes (time,) of one neuron under a constant input."""
    steps = np.full((round(duration / dt), 1), current)
    names = (*MODELS[model].states, "spikes")
    made = run(Network(model, parameters, ALONE), duration, dt, drive=steps, record=names, dtype="float64")
    return {name: made[name][:, 0] for name in names}


def test_the_lif_membrane_charges_as_on_paper() -> None:
    made = course("lif", 12.0, 0.1, 1e-3)  # 12 mV, below the threshold 20 mV over rest
    t = np.arange(1, 101)
    np.testing.assert_allclose(made["v"], -70 + 12 * (1 - np.exp(-t / 20)), rtol=1e-12)


@pytest.mark.parametrize("current", [20.5, 25.0, 40.0, 200.0])
@pytest.mark.parametrize("refractory", [0.0, 0.002, 0.005])
def test_lif_fires_at_the_rate_of_the_f_i_curve(current: float, refractory: float) -> None:
    """Period = refractory + tau ln(R I / (R I - threshold + rest)).

    A crossing is seen at the end of its step, and that step counts as the first of the refractory time (so in Brian2).
    """
    dt = 1e-5
    made = course("lif", current, 2.0, dt, refractory=refractory)
    periods = np.diff(np.flatnonzero(made["spikes"])) * dt
    exact = refractory + 0.02 * np.log(current / (current - 20))
    assert len(periods) > 10
    assert abs(periods.mean() - exact) <= 1.01 * dt
    quiet = course("lif", 19.9, 1.0, 1e-4)
    assert quiet["spikes"].sum() == 0


def slope_adex(_: float, y: np.ndarray, current: float) -> list[float]:
    v, w = y
    spike = 30 * 2 * np.exp((v + 50.4) / 2)
    return [(-30 * (v + 70.6) + spike - w + current) / 281, (4 * (v + 70.6) - w) / 144]


def slope_fitzhugh_nagumo(_: float, y: np.ndarray, current: float) -> list[float]:
    v, w = y
    return [v - v**3 / 3 - w + current, (v + 0.7 - 0.8 * w) / 12.5]


def slope_squid(_: float, y: np.ndarray, current: float) -> list[float]:
    v, *gates = y
    m, h, n = gates
    rates = squid_rates({}, v).values()
    channel = 120 * m**3 * h * (v - 50) + 36 * n**4 * (v + 77) + 0.3 * (v + 54.387)
    return [current - channel, *(a * (1 - x) - b * x for (a, b), x in zip(rates, gates, strict=True))]


def slope_cortical(_: float, y: np.ndarray, current: float) -> list[float]:
    v, *gates = y
    m, h, n, p = gates
    rates = cortical_rates({"v_t": -56.2, "tau_max": 608.0}, v).values()
    channel = 56 * m**3 * h * (v - 50) + (6 * n**4 + 0.075 * p) * (v + 90) + 0.0205 * (v + 70.3)
    return [current - channel, *(a * (1 - x) - b * x for (a, b), x in zip(rates, gates, strict=True))]


# Model, its equations, input, duration in ms, order of its step, and the error allowed at the smallest step.
CASES = [
    ("adex", slope_adex, 400.0, 40.0, 2, 1e-4),
    ("fitzhugh_nagumo", slope_fitzhugh_nagumo, 0.5, 60.0, 4, 1e-9),
    ("hodgkin_huxley", slope_squid, 10.0, 30.0, 2, 0.02),
    ("hodgkin_huxley_cortical", slope_cortical, 2.0, 30.0, 2, 0.02),
]


@pytest.mark.parametrize(("model", "slope", "current", "duration", "order", "allowed"), CASES)
def test_steps_converge_to_scipy_in_their_order(
    model: str, slope: Callable, current: float, duration: float, order: int, allowed: float
) -> None:
    network = Network(model, {}, ALONE)
    names = MODELS[model].states
    rest = run(network, 1e-9, 1e-9, drive=np.zeros((1, 1)), record=names, dtype="float64")
    start = {name: rest[name][0] for name in names}
    y0 = [start[name][0] for name in names]
    exact = scipy.integrate.solve_ivp(
        slope, (0, duration), y0, method="DOP853", rtol=1e-12, atol=1e-12, args=(current,), t_eval=[duration]
    ).y[0, -1]
    errors = []
    for dt in (0.02, 0.01, 0.005):
        n = round(duration / dt)
        made = run(
            network, duration / 1e3, dt / 1e3, drive=np.full((n, 1), current), initial_state=start, dtype="float64"
        )
        errors.append(abs(made["v"][-1, 0] - exact))
    assert errors[-1] < allowed
    measured = np.log2(errors[0] / errors[1]), np.log2(errors[1] / errors[2])
    assert max(measured) > order - 0.4, (errors, measured)


@pytest.mark.parametrize(("model", "slope", "current", "duration", "order"), [case[:-1] for case in CASES])
def test_whole_courses_are_scipys_at_tight_tolerance(
    model: str, slope: Callable, current: float, duration: float, order: int
) -> None:
    """Every millisecond of a course with spikes; without the leading error, which the order of the step foretells."""
    network, names = Network(model, {}, ALONE), MODELS[model].states
    rest = run(network, 1e-9, 1e-9, drive=np.zeros((1, 1)), record=names, dtype="float64")
    start = {name: rest[name][0] for name in names}
    y0, at = [start[name][0] for name in names], np.arange(1, int(duration) + 1)
    exact = scipy.integrate.solve_ivp(
        slope, (0, duration), y0, method="DOP853", rtol=1e-12, atol=1e-12, args=(current,), t_eval=at
    ).y[0]
    coarse, fine = (
        run(
            network, duration / 1e3, 1e-3 / steps, drive=np.full((round(duration * steps), 1), current), every=steps,
            initial_state=start, dtype="float64",
        )["v"][:, 0]
        for steps in (500, 1000)
    )  # fmt: skip
    assert np.abs(fine - exact).max() < 1e-3  # mV
    extrapolated = (2**order * fine - coarse) / (2**order - 1)
    assert np.abs(extrapolated - exact).max() < 1e-6
    assert np.ptp(exact) > 3


def test_the_squid_fires_as_in_1952() -> None:
    """At rest still; from 6.3 uA/cm2 or so on firing for ever, at some 68 Hz under 10 uA/cm2."""
    assert course("hodgkin_huxley", 0.0, 0.1, 2e-5)["spikes"].sum() == 0
    made = course("hodgkin_huxley", 10.0, 1.0, 2e-5)
    assert 66 <= made["spikes"].sum() <= 71
    assert 35 < made["v"].max() < 50
    assert -80 < made["v"].min() < -70


def test_the_cortical_cell_adapts() -> None:
    steps = np.flatnonzero(course("hodgkin_huxley_cortical", 1.2, 1.0, 5e-5)["spikes"])
    gaps = np.diff(steps)
    assert len(gaps) > 5
    assert gaps[-1] > 1.3 * gaps[0]


def test_the_adaptive_neuron_adapts_to_the_rate_of_its_slow_current() -> None:
    gaps = np.diff(np.flatnonzero(course("adex", 1000.0, 1.0, 1e-5)["spikes"])) * 1e-2
    assert gaps[-1] > 1.5 * gaps[0]
    assert np.ptp(gaps[-3:]) < 0.05 * gaps[-1]


def test_poisson_neurons_fire_as_often_and_as_irregularly_as_they_must() -> None:
    n, seconds, rate = 400, 50.0, 30.0
    network = Network("poisson", {"rate": rate}, Connectome.from_weights(np.zeros((n, n))))
    made = run(network, seconds, 1e-3, record="spikes", seed=2)["spikes"]
    counts = made.sum(0).astype(float)
    p = 1 - np.exp(-rate * 1e-3)
    expected, variance = seconds * 1000 * p, seconds * 1000 * p * (1 - p)
    assert abs(counts.mean() - expected) < 4 * np.sqrt(variance / n)
    assert 0.8 < counts.var() / variance < 1.25
    gaps = np.diff(np.flatnonzero(made.T.ravel()))
    geometric = 1 - (1 - p) ** np.arange(1, 200)
    assert np.abs(np.searchsorted(np.sort(gaps), np.arange(1, 200), side="right") / len(gaps) - geometric).max() < 0.005
    lagged = [np.corrcoef(made[:-k].ravel(), made[k:].ravel())[0, 1] for k in (1, 2, 3, 4, 7)]
    assert np.abs(lagged).max() < 5 / np.sqrt(made.size)


def test_escape_noise_fires_with_its_hazard() -> None:
    """v held at a potential by the input, each neuron fires with the hazard there until it is reset."""
    n, steps = 4000, 200
    network = Network(
        "escape_lif", {"rate": 50.0, "width": 2.0, "rest": -52.0, "reset": -52.0, "refractory": 0.0},
        Connectome.from_weights(np.zeros((n, n))),
    )  # fmt: skip
    spikes = run(network, steps * 1e-3, 1e-3, record="spikes", seed=4)["spikes"]
    p = 1 - np.exp(-50.0 * np.exp(-1.0) * 1e-3)
    count = spikes.sum()
    assert abs(count - n * steps * p) < 4 * np.sqrt(n * steps * p * (1 - p))


def test_the_intensity_of_a_linear_nonlinear_neuron_follows_its_filter() -> None:
    made = course("linear_nonlinear_poisson", 2.0, 0.1, 1e-3, gain=0.5)
    x = 2 * (1 - np.exp(-np.arange(1, 101) / 10))
    np.testing.assert_allclose(made["x"], x, rtol=1e-12)
    np.testing.assert_allclose(made["intensity"], 10 * np.exp(0.5 * x), rtol=1e-12)


def test_units_and_networks_of_a_model_of_chance_decide_apart() -> None:
    network = Network("poisson", {"rate": 100.0}, Connectome.from_weights(np.zeros((3, 8, 8))))
    spikes = run(network, 5.0, 1e-3, record="spikes")["spikes"].astype(float)
    columns = spikes.transpose(0, 2, 1).reshape(24, -1)
    correlation = np.corrcoef(columns) - np.eye(24)
    assert np.abs(correlation).max() < 5 / np.sqrt(columns.shape[1])
    again = run(network, 5.0, 1e-3, record="spikes", seed=1)["spikes"]
    assert scipy.stats.pearsonr(again.ravel(), spikes.ravel()).statistic < 0.02
