"""The cards: one a method, and true of what the method gives."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from synfer import simulate
from synfer.discover import CARDS, METHODS
from synfer.discover.cards import COSTS

README = (Path(__file__).parents[2] / "README.md").read_text()
# As few steps as can be: what is asked is which fields there are, not how good they are.
QUICK = {
    "causalformer": {"n_init": 1, "window": 2, "d_model": 8, "n_heads": 2, "d_head": 4, "d_hidden": 8, "max_epochs": 2},
    "componentwise_gc": {"n_hidden": 2, "max_epochs": 2, "penalty": 0.1},
    "convergent_cross_mapping": {"n_libraries": 2, "n_surrogates": 19},
    "cross_correlation": {"n_surrogates": 19},
    "grngc": {"max_epochs": 2, "lag": 1},
    "jacobian_gc": {"max_epochs": 2, "lag": 1},
    "mask2cause": {"d_model": 8, "n_heads": 2, "max_epochs": 2},
    "netformer": {"max_epochs": 2},
    "synformer": {"n_init": 1, "hidden": 2, "n_steps": 3, "max_lag": 1},
}


@pytest.fixture(scope="module")
def seen():
    network = simulate.izhikevich_network(3, 1, 0.5, seed=0)
    recording = simulate.run(network, 2.0, record=("v", "spikes"), seed=0)
    return {"v": simulate.observe.clip_and_zscore(recording)["v"], "raw": recording["v"], "spikes": recording["spikes"]}


def test_every_method_has_one_in_the_registrys_words():
    assert sorted(CARDS) == sorted(METHODS)
    for card in CARDS.values():
        sentences = (card.takes, *card.assumes, *card.fails)
        assert card.assumes and card.fails and card.cost in COSTS
        assert all(re.match(r"[A-Z\"]", one) and one.endswith(".") for one in sentences), sentences


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(METHODS))
def test_it_says_what_the_connectome_has(name, seen):
    signal = {"event_regression": "raw", "cross_correlogram": "spikes", "spike_glm": "spikes"}.get(name, "v")
    method = METHODS[name](**QUICK.get(name, {}))
    method.set_params(**{key: 0 for key in ("random_state",) if key in method.get_params()})
    found = method.fit(np.asarray(seen[signal], dtype=float)).connectome_
    assert (found.weight is not None, found.pvalue is not None) == (CARDS[name].signs, CARDS[name].pvalues)


def test_the_readmes_table_says_the_same():
    rows = re.findall(r"^\| `(\w+)` \| .* \| (yes|no) \| (yes|no) \| ([\w, ]+) \|$", README, re.MULTILINE)
    told = {name: (signs == "yes", pvalues == "yes", cost.split(",")[0]) for name, signs, pvalues, cost in rows}
    assert {name: told[name] for name in CARDS} == {
        name: (card.signs, card.pvalues, card.cost) for name, card in CARDS.items()
    }
