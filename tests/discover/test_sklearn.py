"""scikit-learn's own estimator checks; those that a method for time series cannot pass are named with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from synfer.discover import (
    GRNGC,
    MVGC,
    Causalformer,
    ComponentwiseGC,
    ConditionalGranger,
    ConvergentCrossMapping,
    CrossCorrelation,
    CrossCorrelogram,
    DifferentialCovariance,
    EventRegression,
    JacobianGC,
    Mask2Cause,
    NetFormer,
    PairwiseGranger,
    PartialCorrelation,
    SpikeGLM,
    Synformer,
    TransferEntropy,
)
from synfer.discover.registry import METHODS

SIGNAL = "the second argument is the name of a Recording's signal, and takes scikit-learn's y by position only"
ORDER = "a forecast depends on the samples before: shuffled or cut to pieces, rows are another series"

# The checks fit as few as 10 samples, so the lags are as few as can be.
ESTIMATORS = [
    ConditionalGranger(lag=1),
    ConditionalGranger(lag="aic", max_lag=1),
    ConditionalGranger(lag=1, ridge=0.1),
    MVGC(lag=1),
    PairwiseGranger(lag=1),
    PartialCorrelation(),
    PartialCorrelation(shrinkage="oas"),
    DifferentialCovariance(),
    DifferentialCovariance("relu", ridge=0.1),
    MVGC(lag=1, regression="ols"),
    EventRegression(lags=1, degree=1, time_constants=()),
    TransferEntropy(lag=1),
    TransferEntropy("neighbours", n_neighbors=2, n_surrogates=19, random_state=0),
    ConvergentCrossMapping(E=1, n_libraries=2, n_surrogates=19, random_state=0),
    CrossCorrelation(max_lag=2, n_surrogates=19, random_state=0),
    GRNGC(max_epochs=8, random_state=0),
    GRNGC("mlp", penalty="auto", max_epochs=8, random_state=0),
    GRNGC("lstm", lag=2, n_hidden=4, max_epochs=8, random_state=0),
    GRNGC("tcn", lag=2, n_hidden=4, max_epochs=8, random_state=0),
    ComponentwiseGC(n_hidden=3, max_epochs=8, random_state=0),
    ComponentwiseGC("lstm", lag=2, n_hidden=3, max_epochs=8, random_state=0),
    JacobianGC(n_hidden=8, max_epochs=8, random_state=0),
    Synformer(1, hidden=2, window=1, value_window=1, time_constants=(2.0,), n_steps=3, progress=False, random_state=0),
    Causalformer(1, window=2, d_model=8, n_heads=2, d_head=4, d_hidden=8, max_epochs=2, progress=False, random_state=0),
    NetFormer(d_embedding=4, max_epochs=8, progress=False, random_state=0),
    Mask2Cause(d_model=8, n_heads=2, max_epochs=8, progress=False, random_state=0),
]


def test_every_registered_method_is_among_them():
    assert {type(estimator) for estimator in ESTIMATORS} | {CrossCorrelogram, SpikeGLM} == set(
        METHODS.values()
    )  # below


def expected_failed_checks(estimator) -> dict[str, str]:
    failing = {"check_fit_score_takes_y": SIGNAL}
    if hasattr(estimator, "score"):
        failing["check_n_features_in_after_fitting"] = SIGNAL  # calls score(X, y=y); tested below as we spell it
    if isinstance(estimator, EventRegression):
        failing["check_estimators_nan_inf"] = "of its 10 clean samples 4 are events, which leaves too few to regress on"
    if hasattr(estimator, "predict"):
        failing["check_methods_sample_order_invariance"] = ORDER
        failing["check_methods_subset_invariance"] = ORDER
    return failing


# Checks with a handful of random samples: an unstable fit among them is no news.
@pytest.mark.filterwarnings("ignore::synfer.errors.SynferWarning")
@pytest.mark.filterwarnings("ignore:.*SCIPY_ARRAY_API")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failed_checks)
def test_scikit_learn_s_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [(SpikeGLM, {"window": 5, "n_basis": 2, "ridge": 0.1}), (CrossCorrelogram, {"max_lag": 2, "smoothing": 4.0})],
)
def test_what_takes_spikes_only_is_cloned_and_set_as_others_are(method, parameters):
    """scikit-learn's checks feed numbers that are no counts, which these refuse."""
    counts = (np.random.default_rng(0).random((500, 3)) < 0.2).astype(float)
    estimator = method(**parameters)
    assert clone(estimator).get_params() == estimator.get_params()
    once = estimator.fit(counts).connectome_
    again = make_pipeline(method().set_params(**parameters)).fit(counts)[-1].connectome_
    np.testing.assert_array_equal(once.score, again.score)


@pytest.mark.parametrize("method", ["predict", "score"])
def test_the_number_of_units_is_checked_after_fitting(method):
    x = np.random.default_rng(0).standard_normal((50, 4))
    fitted = ConditionalGranger(lag=1).fit(x)
    with pytest.raises(ValueError, match="X has 1 features, but ConditionalGranger is expecting 4 features as input"):
        getattr(fitted, method)(x[:, [1]])


@pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")  # two epochs
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_pipelines_and_clones_give_the_same_connectome(estimator):
    x = 5.0 + 3.0 * np.random.default_rng(0).standard_normal((80, 3))
    once = make_pipeline(StandardScaler(), clone(estimator)).fit(x)[-1].connectome_
    again = clone(estimator).fit(StandardScaler().fit_transform(x)).connectome_
    np.testing.assert_array_equal(once.score, again.score)


def test_grid_search_chooses_the_order_without_the_truth():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 3))
    for t in range(2, 600):
        x[t] += 0.6 * x[t - 2]
    search = GridSearchCV(ConditionalGranger(), {"lag": [1, 2, 6]}, cv=TimeSeriesSplit(4)).fit(x)
    assert search.best_params_ == {"lag": 2}
