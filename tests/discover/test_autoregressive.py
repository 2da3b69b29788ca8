"""What the regression methods have in common: forecasts, refusals, and warnings that point at the caller."""

import warnings

import numpy as np
import pytest

from synfer import Recording
from synfer.discover import MVGC, ConditionalGranger, PairwiseGranger, TransferEntropy
from synfer.discover.autoregressive import LaggedRegression, VectorAutoregression
from synfer.errors import InputError, LargestOrderWarning, NotConvergedWarning, UnitRootWarning

FORECASTING = [ConditionalGranger(lag=2), MVGC(lag=2), MVGC(lag=2, regression="ols")]
ALL = [*FORECASTING, PairwiseGranger(lag=2)]


def named(estimator):
    return f"{type(estimator).__name__}-{getattr(estimator, 'regression', '')}"


def test_one_base_class():
    assert issubclass(PairwiseGranger, LaggedRegression) and not hasattr(PairwiseGranger, "predict")
    for method in (ConditionalGranger, MVGC):
        assert issubclass(method, VectorAutoregression)
        assert {"predict", "score", "_highest_lag", "_min_samples"}.isdisjoint(vars(method))


@pytest.mark.parametrize("estimator", FORECASTING, ids=named)
def test_forecasts_written_out(estimator):
    trials = np.random.default_rng(0).standard_normal((4, 60, 3))
    recording = Recording({"x": trials}, 1.0, leading="trial")
    forecast = estimator.fit(recording).predict(recording)
    assert forecast.shape == trials.shape and np.isnan(forecast[:, :2]).all()
    for k, t in ((0, 2), (3, 59)):
        expected = estimator.intercept_ + sum(estimator.coef_[i] @ trials[k, t - 1 - i] for i in range(2))
        np.testing.assert_allclose(forecast[k, t], expected, rtol=1e-12)
    with pytest.raises(InputError, match="more than lag_ = 2 samples"):
        estimator.score(recording.to_xarray()["x"][0, :2])


@pytest.mark.parametrize("estimator", ALL, ids=named)
def test_weight_and_delay_do_not_hang_on_scales(estimator):
    x = np.random.default_rng(0).standard_normal((500, 3))
    x[2:, 1] -= 0.8 * x[:-2, 0]
    found = [estimator.fit(Recording({"x": x * scale}, 5e-3)).connectome_ for scale in (1.0, [1.0, 100.0, 0.01])]
    np.testing.assert_allclose(found[0].weight, found[1].weight, rtol=1e-9)
    for connectome in found:
        assert float(connectome.weight.sel(target=1, source=0)) < -0.5
        assert float(connectome.delay.sel(target=1, source=0)) == pytest.approx(1e-2)
        assert np.isnan(np.diag(connectome.weight)).all() and np.isnan(np.diag(connectome.delay)).all()
    assert estimator.fit(x).connectome_.delay is None


@pytest.mark.parametrize("estimator", ALL, ids=named)
def test_refusals(estimator):
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"at least \d+ samples with 2 predecessors within their own trial, got 6: "):
        estimator.fit(Recording({"x": rng.standard_normal((6, 3, 4))}, 1.0, leading="trial"))
    with pytest.raises(InputError, match="or squares overflow; got more in units 0, 1: rescale it"):
        estimator.fit(rng.standard_normal((100, 2)) * 1e200)


WARNING = [*ALL, TransferEntropy(lag=2), TransferEntropy(lag=2, condition="all")]


@pytest.mark.parametrize("estimator", WARNING, ids=[*map(named, ALL), "TransferEntropy", "TransferEntropy-all"])
def test_warnings_point_at_the_caller(estimator):
    name = type(estimator).__name__
    if name == "MVGC":  # close to a unit root
        x = np.random.default_rng(1).standard_normal((2000, 2)).cumsum(axis=0)
    else:  # explosive
        x = np.random.default_rng(0).standard_normal((60, 2)) + 1.3 ** np.arange(60)[:, None] * [1.0, 0.0]
    with pytest.warns((NotConvergedWarning, UnitRootWarning), match=rf"{name}\(lag=2\) .* radius") as caught:
        estimator.fit(x)
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize("method", [ConditionalGranger, MVGC])
def test_a_criterion_whose_minimum_is_the_last_it_was_offered_is_warned_of(method, process):
    """And only then: not above the minimum, not where there was no choice, nor of a number."""
    coef = np.zeros((4, 2, 2))
    coef[[0, 3]] = 0.3 * np.eye(2), [[-0.4, 0.0], [0.4, -0.4]]
    x = process(coef, 3000)
    said = r"max_lag must be above the order that lag='bic' chooses .* got max_lag=3 and 3 chosen: raise max_lag"
    with pytest.warns(LargestOrderWarning, match=said) as caught:
        fitted = method(lag="bic", max_lag=3).fit(x)
    assert fitted.lag_ == 3 and caught[0].filename == __file__ and len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert method(lag="bic", max_lag=8).fit(x).lag_ == 4
        assert method(lag="bic", max_lag=1).fit(x).lag_ == 1
        assert method(lag=3).fit(x).lag_ == 3
