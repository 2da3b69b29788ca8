"""Which units belong together on the page, and what a hover says of them."""

from __future__ import annotations

import pandas as pd
import pytest

pytest.importorskip("plotly")
from synfer.report.units import COLOURS, MOST_TOLD, OTHER, UNNAMED, groups_of, short, told


def test_areas_are_found_by_their_usual_names_before_other_columns():
    for name in ("brain_area", "Brain Region", "structure-acronym", "location", "AREA"):
        groups = groups_of(pd.DataFrame({"cell_type": ["e", "i", "e", "e"], name: ["VISp", "CA1", "", "CA1"]}))
        assert (groups.column, groups.names) == (name, ["CA1", "VISp", UNNAMED])
        assert groups.of == ["VISp", "CA1", UNNAMED, "CA1"] and groups.order.tolist() == [1, 3, 0, 2]
        assert len(set(groups.colours.values())) == 3 and groups.colours[UNNAMED] == OTHER


def test_else_the_first_column_of_few_values_that_tells_units_apart():
    info = pd.DataFrame(
        {
            "brain_area": ["CA1"] * 4,
            "depth": [0.1, 0.1, 0.2, 0.2],  # numbers that are measured group nobody
            "name": ["a", "b", "c", "d"],  # nor do names that each unit has of its own
            "layer": [10, 9, 9, 10],
            "cell_type": ["e", "i", "e", "e"],
        }
    )
    groups = groups_of(info)
    assert (groups.column, groups.names) == ("layer", ["9", "10"])  # in the order of numbers
    assert groups_of(info[["brain_area", "depth", "name"]]) is None
    assert groups_of(pd.DataFrame(index=range(3))) is None


def test_beyond_the_colours_the_smallest_areas_share_a_grey():
    areas = [f"area {k:02d}" for k in range(12)] + ["area 11", "area 10"]
    groups = groups_of(pd.DataFrame({"area": areas}))
    grey = [name for name, colour in groups.colours.items() if colour == OTHER]
    assert len(groups.names) == 12 and len(grey) == 12 - len(COLOURS)
    assert "area 10" not in grey and "area 11" not in grey


def test_long_labels_keep_their_end():
    assert [short("imec0_unit_1234"), short(123456789), short("a" * 10)] == ["…nit_1234", "123456789", "…aaaaaaaa"]


def test_a_hover_says_what_differs_the_area_first_and_no_more_than_fits():
    info = pd.DataFrame({"probe": ["A", "A"], "note": ["<b>", "x" * 99], "area": ["CA1", "CA3"], "x": [0.123456, 2.0]})
    assert told(info, "area") == [
        "<br>· area CA1<br>· note &lt;b&gt;<br>· x 0.1235",
        f"<br>· area CA3<br>· note {'x' * 20}…{'x' * 19}<br>· x 2",
    ]
    many = pd.DataFrame({f"c{k}": [0, 1] for k in range(40)})
    assert told(many, "c39")[1].count("<br>") == MOST_TOLD and told(many, "c39")[1].startswith("<br>· c39 1")
    assert told(pd.DataFrame({"area": ["CA1"]})) == ["<br>· area CA1"]


def test_areas_of_one_parent_are_told_apart():
    areas = [f"Anterior cingulate area, dorsal part, layer {layer}" for layer in ("1", "2/3", "5")]
    groups = groups_of(pd.DataFrame({"brain_area": [areas[2], areas[0], areas[1], areas[0]]}))
    assert groups.names == areas and groups.order.tolist() == [1, 3, 2, 0]
    assert len(set(told(pd.DataFrame({"brain_area": areas}), "brain_area"))) == 3
    assert groups_of(pd.DataFrame({"region": [100001.0, 100002.0, 100001.0]})).names == ["100001.0", "100002.0"]
