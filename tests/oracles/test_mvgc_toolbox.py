"""MVGC against the outputs of the MATLAB toolbox that are stored with the published networks."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from synfer.datasets import load_izhikevich
from synfer.discover import MVGC

SIZES = {5: "exc4_inh1", 10: "exc8_inh2", 20: "exc16_inh4", 40: "exc32_inh8"}


def folders(data: Path) -> list[Path]:
    found = [
        data / "izhikevich" / f"{size}_nodiag_withinp_rand" / f"p{p}" / "inpvar5_S5_t5000" / f"seed{seed}"
        for size in SIZES.values()
        for p in (2, 4, 6, 8)
        for seed in (0, 1, 2)
    ]
    return [folder for folder in found if folder.exists()]


def differences(folder: Path, criterion: str, max_lag: int) -> float:
    """max |F - F of the toolbox| / max F of the toolbox."""
    theirs = np.genfromtxt(folder / f"mvgc_{criterion}_F_p{max_lag}.txt", delimiter=",")
    recording, _ = load_izhikevich(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = MVGC("aicc" if criterion == "aic" else criterion, max_lag).fit(recording).connectome_.score.values
    return float(np.nanmax(np.abs(ours - theirs)) / np.nanmax(theirs))


def test_on_the_published_example(data_folder):
    for criterion in ("aic", "bic"):
        for max_lag in (5, 10):
            folder = data_folder / "izhikevich/exc4_inh1_nodiag_withinp_rand/p4/inpvar5_S5_t5000/seed0"
            assert differences(folder, criterion, max_lag) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(("criterion", "max_lag"), [("aic", 5), ("aic", 10), ("bic", 5), ("bic", 10)])
def test_on_all_published_networks(data_folder, criterion, max_lag):
    """Another order than the toolbox's would be off by a tenth and more."""
    found = np.array([differences(folder, criterion, max_lag) for folder in folders(data_folder)])
    assert len(found) == 48
    assert np.median(found) < 1e-5 and found.max() < 2e-4
