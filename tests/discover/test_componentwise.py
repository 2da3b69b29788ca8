"""ComponentwiseGC: recovery with exact zeros, signs and delays, the choice of the penalty, and the refusals."""

import numpy as np
import pytest

from synfer import Recording
from synfer.discover import ComponentwiseGC
from synfer.errors import InputError, NotConvergedWarning

QUICK = {"max_epochs": 300, "random_state": 0, "progress": False}


def chain(n_samples=600):
    """0 -> 1 (excites, lag 1), 1 -> 2 (inhibits, lag 2, through a sine), 3 alone."""
    rng = np.random.default_rng(0)
    x = 0.5 * rng.standard_normal((n_samples, 4))
    for t in range(2, n_samples):
        x[t] += 0.4 * x[t - 1]
        x[t, 1] += 0.9 * x[t - 1, 0]
        x[t, 2] -= 1.2 * np.sin(x[t - 2, 1])
    return x


@pytest.mark.parametrize(("backbone", "target"), [("mlp", "value"), ("mlp", "difference"), ("lstm", "value")])
def test_a_chain_with_exact_zeros(backbone, target):
    fitted = ComponentwiseGC(backbone, lag=2, penalty=0.3, target=target, **QUICK).fit(Recording({"x": chain()}, 0.01))
    connectome = fitted.connectome_
    score = connectome.score.values
    edges = connectome.edges()[["source", "target"]].to_numpy().tolist()
    assert sorted(edges[:2]) == [[0, 1], [1, 2]]
    assert np.nansum(score == 0) >= 6  # of ten that are not
    assert np.isnan(np.diag(score)).all()
    assert float(connectome.weight[1, 0]) > 0.3 and float(connectome.weight[2, 1]) < -0.2
    assert float(connectome.delay[1, 0]) == pytest.approx(0.01)
    assert float(connectome.delay[2, 1]) == pytest.approx(0.02)
    np.testing.assert_array_equal(connectome.weight.values == 0, score == 0)  # nothing where nothing is
    # own networks for four targets: parameters by hand
    by_hand = {"mlp": 4 * (10 * 8 + 10 + 10) + 4, "lstm": 4 * (40 * 4 + 40 * 10 + 40 + 10) + 4}
    assert fitted.n_parameters_ == by_hand[backbone]


def test_the_penalty_is_chosen_without_the_truth():
    fitted = ComponentwiseGC(lag=2, penalty="auto", ridge=0.1, **QUICK).fit(chain(400))
    table = fitted.selection_
    assert table["penalty"].tolist() == list(ComponentwiseGC.penalties)
    assert fitted.penalty_ == table.loc[table["held_out"].idxmin(), "penalty"]
    edges = fitted.connectome_.edges()[["source", "target"]].to_numpy().tolist()
    assert sorted(edges[:2]) == [[0, 1], [1, 2]]


def test_predict_and_score():
    x = chain()
    fitted = ComponentwiseGC(lag=2, penalty=0.3, **QUICK).fit(x[:400])
    error = np.square(fitted.predict(x[400:])[2:] - x[402:]).mean(0)
    assert (error[1:3] < 0.7 * x.var(0)[1:3]).all()
    assert np.isfinite(fitted.score(x[400:]))


def test_what_has_not_come_to_rest_is_said():
    with pytest.warns(NotConvergedWarning, match="still learning"):
        fitted = ComponentwiseGC(**QUICK | {"max_epochs": 10}).fit(chain(300))
    assert fitted.connectome_.converged is False
    with pytest.warns(NotConvergedWarning, match="explains a hundredth"):
        assert ComponentwiseGC(penalty=100.0, **QUICK).fit(chain(300)).connectome_.converged is False


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"backbone": "kan"}, "'backbone' parameter of ComponentwiseGC must be a str among"),
        ({"penalty": "best"}, "'penalty' parameter of ComponentwiseGC must be"),
        ({"n_hidden": 0}, "'n_hidden' parameter of ComponentwiseGC must be"),
    ],
)
def test_refusals(parameters, message):
    with pytest.raises(InputError, match=message):
        ComponentwiseGC(progress=False).set_params(**parameters).fit(chain(50))
