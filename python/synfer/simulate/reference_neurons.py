"""Neuron models again, slow and obvious: one step each, as their C++ headers (csrc/simulator/neurons) describe it.

A step takes parameters p and states x by name, the input, the conductance G (0 where synapses have none; the input then
holds the sum of g E), dt in ms, a uniform number of each unit, and by how much synapses move v at the end of the step,
before it is held against the threshold. It gives the states after it and who spiked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]
Jump = np.ndarray | float
Stepped = tuple[dict[str, np.ndarray], np.ndarray]


def step_izhikevich(
    p: Arrays, x: Arrays, current: np.ndarray, G: np.ndarray, dt: float, _: np.ndarray, jump: Jump = 0.0
) -> Stepped:
    """Reset; two half steps of v, one of u, as published."""
    fired = x["v"] >= p["threshold"]
    v, u = np.where(fired, p["c"], x["v"]), np.where(fired, x["u"] + p["d"], x["u"])
    for _half in range(2):
        v = v + 0.5 * dt * (p["quadratic"] * v**2 + p["linear"] * v + p["constant"] - u + current - G * v)
    u = u + dt * p["a"] * (p["b"] * v - u)
    v = v + jump
    return {"v": v, "u": u}, v >= p["threshold"]


def relaxed(x: np.ndarray, goal: np.ndarray, rate: np.ndarray, time: float) -> np.ndarray:
    """Solve x' = rate (goal - x) over some time."""
    return goal + (x - goal) * np.exp(-rate * time)


def _membrane(p: Arrays, v: np.ndarray, current: np.ndarray, G: np.ndarray, dt: float) -> np.ndarray:
    load = 1 + p["resistance"] * G
    return relaxed(v, (p["rest"] + p["resistance"] * current) / load, load / p["tau"], dt)


def step_lif(
    p: Arrays, x: Arrays, current: np.ndarray, G: np.ndarray, dt: float, _: np.ndarray, jump: Jump = 0.0
) -> Stepped:
    """Reset and hold; else the membrane's exact solution."""
    fired = x["v"] >= p["threshold"]
    v = np.where(fired, p["reset"], x["v"])
    held = np.where(fired, np.maximum(np.rint(p["refractory"] / dt) - 1, 0), x["held"])
    v = np.where(held > 0, v, _membrane(p, v, current, G, dt) + jump)
    return {"v": v, "held": np.maximum(held - 1, 0)}, v >= p["threshold"]


def step_escape_lif(
    p: Arrays, x: Arrays, current: np.ndarray, G: np.ndarray, dt: float, uniform: np.ndarray, jump: Jump = 0.0
) -> Stepped:
    """Membrane, or hold; then fire by chance."""
    v = np.where(x["held"] > 0, x["v"], _membrane(p, x["v"], current, G, dt) + jump)
    hazard = p["rate"] / 1e3 * np.exp((v - p["threshold"]) / p["width"])
    spikes = (x["held"] <= 0) & (uniform < 1 - np.exp(-hazard * dt))
    held = np.where(spikes, np.rint(p["refractory"] / dt), np.maximum(x["held"] - 1, 0))
    return {"v": np.where(spikes, p["reset"], v), "held": held}, spikes


def step_adex(
    p: Arrays, x: Arrays, current: np.ndarray, G: np.ndarray, dt: float, _: np.ndarray, jump: Jump = 0.0
) -> Stepped:
    """Reset; the midpoint rule, with v at most v_peak."""

    def slopes(v: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        v = np.minimum(v, p["v_peak"])
        spike = p["g_l"] * p["delta_t"] * np.exp((v - p["v_t"]) / p["delta_t"])
        dv = (-p["g_l"] * (v - p["e_l"]) + spike - w + current - G * v) / p["c"]
        return dv, (p["a"] * (v - p["e_l"]) - w) / p["tau_w"]

    fired = x["v"] >= p["v_peak"]
    v, w = np.where(fired, p["v_reset"], x["v"]), np.where(fired, x["w"] + p["b"], x["w"])
    dv, dw = slopes(v, w)
    dv, dw = slopes(v + dt / 2 * dv, w + dt / 2 * dw)
    v, w = v + dt * dv + jump, w + dt * dw
    return {"v": np.minimum(v, p["v_peak"]), "w": w}, v >= p["v_peak"]


def squid_rates(p: Arrays, v: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Give alpha and beta (1/ms) of each gate of the squid's axon."""
    return {
        "m": (0.1 * (v + 40) / (1 - np.exp(-(v + 40) / 10)), 4 * np.exp(-(v + 65) / 18)),
        "h": (0.07 * np.exp(-(v + 65) / 20), 1 / (1 + np.exp(-(v + 35) / 10))),
        "n": (0.01 * (v + 55) / (1 - np.exp(-(v + 55) / 10)), 0.125 * np.exp(-(v + 65) / 80)),
    }


def cortical_rates(p: Arrays, v: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Give alpha and beta (1/ms) of each gate of the cortical cell; of p, open / tau and (1 - open) / tau."""
    u = v - p["v_t"]
    open_p = 1 / (1 + np.exp(-(v + 35) / 10))
    tau_p = p["tau_max"] / (3.3 * np.exp((v + 35) / 20) + np.exp(-(v + 35) / 20))
    return {
        "m": (-0.32 * (u - 13) / (np.exp(-(u - 13) / 4) - 1), 0.28 * (u - 40) / (np.exp((u - 40) / 5) - 1)),
        "h": (0.128 * np.exp(-(u - 17) / 18), 4 / (1 + np.exp(-(u - 40) / 5))),
        "n": (-0.032 * (u - 15) / (np.exp(-(u - 15) / 5) - 1), 0.5 * np.exp(-(u - 10) / 40)),
        "p": (open_p / tau_p, (1 - open_p) / tau_p),
    }


def _step_hodgkin_huxley(rates_at: Callable[..., dict]) -> Callable[..., Stepped]:
    def step(
        p: Arrays, x: Arrays, current: np.ndarray, G: np.ndarray, dt: float, _: np.ndarray, jump: Jump = 0.0
    ) -> Stepped:
        """Gates for half a step, v for a whole one, gates for the other half."""

        def half(gates: Arrays, v: np.ndarray) -> dict[str, np.ndarray]:
            rates = rates_at(p, v).items()
            return {name: relaxed(gates[name], a / (a + b), a + b, dt / 2) for name, (a, b) in rates}

        gates = half(x, x["v"])
        sodium, potassium = p["g_na"] * gates["m"] ** 3 * gates["h"], p["g_k"] * gates["n"] ** 4
        potassium = potassium + p.get("g_m", 0) * gates.get("p", 0)
        total = sodium + potassium + p["g_l"] + G
        driving = sodium * p["e_na"] + potassium * p["e_k"] + p["g_l"] * p["e_l"] + current
        share = dt / p["c"] * total
        charged = x["v"] + dt / p["c"] * (1 - share / 2) * (driving - total * x["v"])  # where next to nothing conducts
        few = np.abs(share) < 2.0**-16
        v = np.where(few, charged, relaxed(x["v"], driving / np.where(few, 1.0, total), total / p["c"], dt))
        gates, v = half(gates, v), v + jump
        return {"v": v, **gates}, (x["v"] < p["threshold"]) & (v >= p["threshold"])

    return step


def step_fitzhugh_nagumo(
    p: Arrays, x: Arrays, current: np.ndarray, G: np.ndarray, dt: float, _: np.ndarray, jump: Jump = 0.0
) -> Stepped:
    """Take the classical Runge-Kutta step."""

    def slope(y: np.ndarray) -> np.ndarray:
        v, w = y
        return np.stack([v - v**3 / 3 - w + current - G * v, (v + p["a"] - p["b"] * w) / p["tau"]])

    y = np.stack([x["v"], x["w"]])
    k1 = slope(y)
    k2 = slope(y + dt / 2 * k1)
    k3 = slope(y + dt / 2 * k2)
    k4 = slope(y + dt * k3)
    v, w = y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    v = v + jump
    return {"v": v, "w": w}, (x["v"] < p["threshold"]) & (v >= p["threshold"])


def step_poisson(
    p: Arrays, x: Arrays, current: np.ndarray, G: np.ndarray, dt: float, uniform: np.ndarray, jump: Jump = 0.0
) -> Stepped:
    """Fire by chance at the rate and the input together."""
    intensity = np.maximum(p["rate"] + current - G * x["intensity"], 0)
    return {"intensity": intensity}, uniform < 1 - np.exp(-intensity / 1e3 * dt)


def step_linear_nonlinear_poisson(
    p: Arrays, x: Arrays, current: np.ndarray, G: np.ndarray, dt: float, uniform: np.ndarray, jump: Jump = 0.0
) -> Stepped:
    """Filter the input; fire by chance at the exponential of it."""
    filtered = relaxed(x["x"], current / (1 + G), (1 + G) / p["tau"], dt)
    intensity = p["rate"] * np.exp(p["gain"] * filtered)
    return {"x": filtered, "intensity": intensity}, uniform < 1 - np.exp(-intensity / 1e3 * dt)


STEPS: dict[str, Callable[..., Stepped]] = {
    "izhikevich": step_izhikevich,
    "lif": step_lif,
    "escape_lif": step_escape_lif,
    "adex": step_adex,
    "hodgkin_huxley": _step_hodgkin_huxley(squid_rates),
    "hodgkin_huxley_cortical": _step_hodgkin_huxley(cortical_rates),
    "fitzhugh_nagumo": step_fitzhugh_nagumo,
    "poisson": step_poisson,
    "linear_nonlinear_poisson": step_linear_nonlinear_poisson,
}
"""The step of each model."""

THRESHOLDS = {"izhikevich": "threshold", "lif": "threshold", "adex": "v_peak"}
"""Models whose state shows a spike: the parameter that v is then at or past."""

MEMBRANES = ("lif", "escape_lif", "linear_nonlinear_poisson")
"""Models that filter their input with the time constant tau."""
