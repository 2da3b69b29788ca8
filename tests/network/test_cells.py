"""Named cells: of one kind, of each unit, and what is refused. That each shows its pattern: oracles/test_cells.py."""

from __future__ import annotations

import numpy as np
import pytest

from synfer.connectome import Connectome
from synfer.errors import InputError, UnknownNameError
from synfer.network import CELLS, Network, cell_parameters
from synfer.simulate.neurons import MODELS


@pytest.mark.parametrize("model", CELLS)
def test_every_parameter_is_the_models_and_all_that_tell_cells_apart_are_given(model: str) -> None:
    for kind in CELLS[model]:
        assert cell_parameters(model, kind).keys() == MODELS[model].defaults.keys()


def test_units_of_different_kinds() -> None:
    kinds = ["chattering", "fast spiking", "chattering"]
    mixed = cell_parameters("izhikevich", kinds)
    for name, values in mixed.items():
        assert values.tolist() == [cell_parameters("izhikevich", kind)[name] for kind in kinds]
    network = Network("izhikevich", mixed, Connectome.from_weights(np.zeros((3, 3))))
    assert network.parameters["c"].tolist() == [-50.0, -65.0, -50.0]


def test_what_is_given_can_be_changed_without_changing_the_cell() -> None:
    given = cell_parameters("adex", "tonic")
    given["b"] = 1e3
    assert cell_parameters("adex", "tonic")["b"] == 0


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="model with named cells 'lif'"):
        cell_parameters("lif", "regular spiking")
    with pytest.raises(UnknownNameError, match=r"cell of model 'izhikevich' 'fast spiker' .* 'fast spiking'"):
        cell_parameters("izhikevich", "fast spiker")
    with pytest.raises(UnknownNameError, match="cell of model 'adex' '3'"):
        cell_parameters("adex", ["tonic", 3])
    with pytest.raises(InputError, match="kinds must name a cell"):
        cell_parameters("adex", [])
    with pytest.raises(InputError, match="kinds must be"):
        cell_parameters("adex", None)
    with pytest.raises(UnknownNameError, match="model with named cells"):
        cell_parameters(["adex"], "tonic")
