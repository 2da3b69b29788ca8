"""Methods by name."""

from __future__ import annotations

import pytest

from synfer.discover import METHODS, BaseDiscoverer, create
from synfer.errors import InputError, UnknownNameError


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_is_found_by_both_its_names(name):
    for alias in (name, METHODS[name].__name__):
        estimator = create(alias)
        assert type(estimator) is METHODS[name]
        assert isinstance(estimator, BaseDiscoverer)


def test_parameters_are_passed_on():
    assert create("conditional_granger", lag=3).lag == 3


def test_unknown_names_get_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'conditional_granger'"):
        create("granger_conditional")
    with pytest.raises(UnknownNameError, match="did you mean 'causalformer'"):
        create("causalfromer")
    with pytest.raises(UnknownNameError, match=r"CrossCorrelation: parameter 'maxlag' .* 'max_lag'"):
        create("cross_correlation", maxlag=3)
    with pytest.raises(InputError, match=r"'n_init' parameter of Causalformer must be an int .* Got 'two'"):
        create("causalformer", n_init="two")


@pytest.mark.parametrize("name", [3, None, ("causalformer",)])
def test_a_name_is_text(name):
    with pytest.raises(InputError, match=r"name must be a method's name, one of causalformer.* got a"):
        create(name)
