"""Where p-values must hold: networks without edges, firing as those with edges do, and the absent edges of these.

The suite "calibration". Sets are named system_units_kind: ``edge_free`` networks (every rejection is false), and
``connected`` ones, of whose pairs a part has no edge. Of Izhikevich neurons p is .4; those without edges are driven so
that they fire within 10 % as often as the same neurons with edges. Of vector autoregressions a unit has two sources on
average, or none but itself. 5,000 samples each.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq

from synfer.benchmark.simulated import key_of, prepared, tasks_of
from synfer.benchmark.task import Pair, Task
from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.network import GaussianDrive, Network
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, run, var_coefficients, var_network

N_SAMPLES = 5000
WITHIN = 0.1
"""Share by which rates may differ."""


def rate_of(network: Network, seed: int) -> float:
    """Spikes a second and unit over 5 s."""
    spikes = run(network, 5.0, record="spikes", seed=seed)["spikes"]
    return float(np.mean(spikes) * 1000.0)


def without_edges(network: Network, key: int) -> Network:
    """Give the same neurons without edges, driven so that they fire as often as with them, within `WITHIN`."""
    goal = rate_of(network, key)
    drive = network.drive
    if not isinstance(drive, GaussianDrive):
        raise InputError(f"network must be driven by one GaussianDrive; got {drive!r}.")
    nothing = Connectome.from_weights(np.zeros((network.n_units, network.n_units)), delay=1e-3)

    def driven(mean: float) -> Network:
        return Network(network.model, network.parameters, nothing, drive=GaussianDrive(mean, drive.variance))

    def excess(mean: float) -> float:
        return rate_of(driven(mean), key) - goal

    centre = float(np.mean(drive.mean))
    low, high = centre, centre
    while excess(low) > 0:
        low -= 2.0
    while excess(high) < 0:
        high += 2.0
    found = driven(brentq(excess, low, high, xtol=0.05) if low < high else centre)
    rate = rate_of(found, key)
    if abs(rate - goal) > WITHIN * goal:
        raise InputError(
            f"network {key}: its neurons without edges fire at {rate:.1f} Hz, not {goal:.1f}: drive it more."
        )
    return found


def make_izhikevich(n_units: int, edges: int, key: int) -> Pair:
    """Voltages of p = .4, or of the same neurons without edges."""
    network = izhikevich_network(4 * n_units // 5, n_units - 4 * n_units // 5, 0.4, seed=key)
    if not edges:
        network = without_edges(network, key)
    return prepared(network, key)


def make_var(n_units: int, edges: int, key: int) -> Pair:
    """Vector autoregressions of two lags."""
    p = 2.0 / (n_units - 1) if edges else 0.0
    network = var_network(var_coefficients(n_units, 2, p, radius=0.8, seed=key), dt=1.0)
    seen = run(network, float(N_SAMPLES), dt=1.0, initial_state="stationary", record="x", seed=key)  # type: ignore[arg-type]
    return Recording({"x": seen["x"]}, seen.dt, provenance={"seed": key}), network.connectome


def calibration(n: int, seed: int) -> list[Task]:
    """``n`` networks of each set."""
    made: list[Task] = []
    for place, (system, make) in enumerate((("izhikevich", make_izhikevich), ("var", make_var))):
        sets = {
            f"{system}_{units}_{'connected' if edges else 'edge_free'}": (units, edges)
            for units in (10, 40)
            for edges in (0, 1)
        }
        made += tasks_of(make, sets, n, key_of(seed, place))
    return made


def calibration_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Rejections at .05 and realised false discoveries, for each method and set.

    Parameters
    ----------
    rows : DataFrame
        As `run` gives it, of methods with p-values; of any suite.

    Returns
    -------
    DataFrame
        method, set, networks; ``rejected``, the share of absent edges with p < .05, and its 95 % interval over networks
        (Student's: tests within a network are not independent); ``fdr``, the mean over networks of the share of false
        ones among the discoveries at a nominal .05 (Benjamini and Hochberg; 0 where there are none); ``power``, the
        share of true edges discovered.
    """
    made = []
    for (method, name), group in rows[rows["n_absent"].notna()].groupby(["method", "set"], sort=False):
        share = (group["absent_rejected"] / group["n_absent"]).astype(float).to_numpy()
        half = (
            stats.t.ppf(0.975, len(share) - 1) * share.std(ddof=1) / np.sqrt(len(share)) if len(share) > 1 else np.nan
        )
        false = (group["false_discoveries"] / group["discoveries"].clip(lower=1)).astype(float)
        made.append(
            {
                "method": method,
                "set": name,
                "networks": len(share),
                "tests": int(group["n_absent"].sum()),
                "rejected": share.mean(),
                "rejected_low": share.mean() - half,
                "rejected_high": share.mean() + half,
                "fdr": false.mean(),
                "power": group["power"].astype(float).mean(),
            }
        )
    return pd.DataFrame(made)
