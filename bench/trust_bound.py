"""How near any prediction from p-values can come: AUROC foretold where p-values, prior and model are all right.

    python bench/trust_bound.py [--draws 300]

Networks are drawn from the very prior of `synfer.trust.two_groups`: share of edges, their effects, the null's scale;
then edges, effects and p-values. Two answers are judged, the p-values' own order and one with noise of two deviations
added. Nothing is misspecified, so that what is left is what p-values do not tell: weak edges are not seen, and a
network's AUROC is a draw.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from scipy import stats

from run import write_results
from synfer.trust import two_groups as rules
from synfer.trust.measures import exceeds
from synfer.trust.reference import SURE

UNITS = (10, 20, 30, 50)
NOISE = 2.0  # deviations, of the second answer


def drawn(n_units: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """|z| of all pairs (pair,), and which have an edge; at least one, and not all."""
    _, _, shares, scales = rules._grid()
    weight = np.exp(rules._prior(shares, scales))
    effects = [(mean, *shape) for mean in rules.MEANS for shape in rules.SHAPES]
    while True:
        setting = int(rng.choice(len(weight), p=weight / weight.sum()))
        mean, variation, large = effects[setting % len(effects)]
        edge = rng.random(n_units * (n_units - 1)) < shares[setting]
        if 0 < edge.sum() < len(edge):
            break
    means = np.where(rng.random(len(edge)) < large, 2.0 * mean, mean)
    effect = np.where(edge, rng.gamma(1.0 / variation**2, means * variation**2), 0.0)
    return np.abs(effect + np.where(edge, 1.0, scales[setting]) * rng.normal(size=len(edge))), edge


def errors(n_units: int, draws: int) -> pd.DataFrame:
    """One row an answer: error of its predicted AUROC, and how sure the reference is."""
    rng = np.random.default_rng(n_units)
    rows = []
    for _ in range(draws):
        z, edge = drawn(n_units, rng)
        belief = rules.two_groups(2.0 * stats.norm.sf(np.minimum(z, 38.0)))
        assert belief is not None
        for score in (z, z + NOISE * rng.normal(size=len(z))):
            error = abs(rules.expected_auroc(score, belief.probability) - exceeds(score[edge], score[~edge]))
            rows.append({"error": error, "sure": belief.sureness >= SURE})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=300, help="networks of each size")
    arguments = parser.parse_args()
    rows = []
    for n_units in UNITS:
        found = errors(n_units, arguments.draws)
        near = found["error"] <= 0.05
        rows.append(
            {
                "units": n_units,
                "within .05": f"{near.mean():.2f}",
                "median error": f"{found['error'].median():.3f}",
                "reference sure": f"{found['sure'].mean():.2f}",
                "within .05, sure": f"{near[found['sure']].mean():.2f}",
                "within .05, not": f"{near[~found['sure']].mean():.2f}",
            }
        )
    text = f"{arguments.draws} networks of each size, drawn from the prior that then foretells; two answers each."
    write_results("trust_bound", "How near a prediction from p-values can come", text, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
