"""One fixed configuration of each method for each suite, chosen without the truth; what is not named is the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    # Lags, for the units' memory as the sampling shows it; nothing here was chosen by a figure of merit.
    "dream3": {
        "conditional_granger": {"lag": 1, "ridge": 1.0},  # 21 samples a trial, more units than a fit without it bears
        "cross_correlation": {"max_lag": 2},
    },
    "lorenz96": {"mask2cause": {"penalty": 0.1}},  # of .02 and .1 the one with the better held-out R2
    "netsim": {
        "cross_correlation": {"max_lag": 2},
        # A sample every 3 s: lags say nothing of what acts within milliseconds. 200 samples of 15 regions: shrunk.
        "partial_correlation": {"direction": "nongaussian", "shrinkage": "ledoit_wolf"},
    },
    "spycon": {"cross_correlogram": {"statistic": "transmission"}},  # cells fire at very different rates
}
"""Parameters by suite and method."""

SIGNALS: dict[str, dict[str, str]] = {"izhikevich": {"spike_glm": "spikes"}}
"""The signal that a method is given, where it is not the suite's first."""


def settings_of(suite: str, method: str, given: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Give a method's parameters for a suite; what the caller gives for it counts above them."""
    return {**SETTINGS.get(suite, {}).get(method, {}), **(given or {}).get(method, {})}
