from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.discover import D2CL, METHODS, PC, ConditionalGranger, create
from synfer.discover.base import _plain
from synfer.discover.origin import estimator_of, method_of
from synfer.errors import InputError


def found_by(estimator) -> Connectome:
    """A connectome as the estimator labels it, without the work."""
    parameters = {name: _plain(value) for name, value in estimator.get_params(deep=False).items()}
    return Connectome(np.zeros((3, 3)), method=type(estimator).__name__, parameters=parameters)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_made_anew_as_it_was_by_default(name):
    made = estimator_of(found_by(create(name)))
    assert type(made) is METHODS[name]
    assert repr(made.get_params()) == repr(create(name).get_params())


def test_parameters_and_tuples_come_back():
    made = estimator_of(found_by(ConditionalGranger(lag=3)))
    assert made.get_params()["lag"] == 3
    found = found_by(create("conditional_granger", lag="bic"))
    assert estimator_of(found).get_params()["lag"] == "bic"
    listed = found_by(create("grngc"))
    listed.parameters["penalty"] = "(0.1, 0.2)"
    assert estimator_of(listed).get_params()["penalty"] == (0.1, 0.2)


def test_refuses_other_methods_and_objects():
    with pytest.raises(InputError, match=r"found by a method of synfer .* got var: give the estimator"):
        estimator_of(Connectome(np.zeros((3, 3)), method="var"))
    assert method_of(Connectome(np.zeros((3, 3)))) is None
    found = found_by(ConditionalGranger())
    found.parameters["lag"] = "<object at 0x7f>"
    with pytest.raises(InputError, match=r"lag=<object at 0x7f>, of which its file keeps the name alone"):
        estimator_of(found)


def test_methods_beside_the_list_are_known_too():
    assert estimator_of(found_by(PC(alpha=0.05))).alpha == 0.05
    assert method_of(found_by(D2CL())) is D2CL
    with pytest.raises(InputError, match="got D2CL, of which a connectome keeps neither the known pairs nor what"):
        estimator_of(found_by(D2CL()))


def test_the_file_of_one_fit_is_not_another_fits():
    found = found_by(create("causalformer", checkpoint="kept"))
    found.parameters = {**found.parameters, "checkpoint": "kept"}
    assert estimator_of(found).get_params()["checkpoint"] is None
    found.parameters = {**found.parameters, "d_model": "'/tmp/written/elsewhere'"}
    with pytest.raises(InputError, match="give the estimator"):
        estimator_of(found)
