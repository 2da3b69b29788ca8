"""The how-to on choosing a method advises what the committed tables say."""

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from synfer import Connectome
from synfer.discover import METHODS, ConditionalGranger, PairwiseGranger
from synfer.evaluate import compare

ROOT = Path(__file__).parents[2]


def advised(case):
    text = (ROOT / "docs" / "howto" / "plot_4_choosing_a_method.py").read_text()
    (row,) = (line for line in text.splitlines() if line.startswith(case))
    return [name for name in re.findall(r"``(\w+)``", row) if name in METHODS]


def test_of_short_trials_it_advises_what_is_ahead_on_dream3():
    lines = (ROOT / "bench" / "results" / "dream3.md").read_text().splitlines()
    cells = [line.split() for line in lines if line.lstrip().startswith("dream3_")]
    fits = pd.DataFrame([(c[0], c[1], float(c[4])) for c in cells], columns=["set", "method", "auroc"])
    auroc = fits.pivot_table("auroc", "method", "set")
    assert auroc.shape == (8, 3)
    first, large = advised("a few short trials")
    assert (auroc.loc[first] == auroc[~auroc.index.isin([large])].max()).all()
    for size in ("dream3_50", "dream3_100"):
        others = auroc[size].drop([first, large, "transfer_entropy"])  # whose Gaussian form is the first's
        assert auroc.loc[large, size] > others.max()


def test_of_more_units_than_samples_the_ridge_is_ahead_in_linear_networks():
    assert advised("more units than samples") == ["conditional_granger", "pairwise_granger"]
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        weight = (rng.random((60, 60)) < 0.05) * rng.standard_normal((60, 60))
        np.fill_diagonal(weight, 0.3)
        weight *= 0.9 / np.abs(np.linalg.eigvals(weight)).max()
        x = np.zeros((140, 60))
        for t in range(1, len(x)):
            x[t] = weight @ x[t - 1] + rng.standard_normal(60)
        np.fill_diagonal(weight, 0.0)
        truth = Connectome.from_weights(weight)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = [
                m.fit(x[100:]).connectome_ for m in (ConditionalGranger(lag=1, ridge=1.0), PairwiseGranger(lag=1))
            ]
        found.append([compare(answer, truth)["auroc"] for answer in answers])
    ridge, pairs = np.mean(found, axis=0)
    assert ridge > pairs > 0.6
