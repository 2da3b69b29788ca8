"""What a newcomer may hand over by mistake: refused by synfer's own errors, in one sentence that names the argument."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from synfer.connectome import Connectome
from synfer.errors import InputError

S = np.array([[0.0, 1.0], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Connectome([[0.0], [0.0, 1.0]]), "score must be an array, or lists of equal lengths"),
        (lambda: Connectome("score"), "score must be real numbers"),
        (lambda: Connectome(S, unit_ids=2), r"unit_ids must have shape \(2,\)"),
        (lambda: Connectome(S, dt="a"), "dt must be positive seconds, a number; got 'a'"),
        (lambda: Connectome(S, dt=0), "dt must be positive seconds; got 0"),
        (lambda: Connectome(S, method=3), "method must be the name of a method; got a int"),
        (lambda: Connectome(S, parameters=[1]), "parameters must be a dict .* got a list"),
        (lambda: Connectome(S, provenance="here"), "provenance must be a dict .* got a str"),
        (lambda: Connectome(S, seed=object()), "seed must hold plain"),
        (lambda: Connectome(S, converged=S), "converged must be True, False or None; got a ndarray"),
        (lambda: Connectome(S, leading=S), "leading axis must be one of 'network', 'time'; got a ndarray"),
        (lambda: Connectome(S, pvalue=S).edges(0.5, ["holm"]), "correction must be one of 'bonferroni', .* got a list"),
        (lambda: Connectome.from_weights(S, delay=[[1], [1, 2]]), "delay must be an array, or lists of equal"),
        (
            lambda: Connectome.from_edges([0], [1], n_units=10**30),
            "unit_ids: memory does not hold labels for so many units, 1000",
        ),
        (lambda: Connectome.from_weights(None), "weight must be real numbers"),
        (lambda: Connectome.from_weights(S, delay="a"), "delay must be finite seconds, a number; got 'a'"),
        (lambda: Connectome.from_edges([0], [1], n_units=2, delay="a"), "delay must be finite seconds, a number"),
        (lambda: Connectome.from_edges([0], [1], n_units="a"), "n_units must be at least 1, a whole number; got 'a'"),
        (lambda: Connectome.from_edges([0], [1], n_units=2.5), "n_units must be at least 1, a whole number; got 2.5"),
        (lambda: Connectome.from_edges([0], [1], unit_ids=3), r"unit_ids must have shape \(1,\)"),
        (lambda: Connectome.from_edges([[0], [0, 1]], [1], n_units=2), "source must be an array, or lists of equal"),
        (lambda: Connectome.from_xarray(S), "data must be an xarray Dataset; got a ndarray"),
        (lambda: Connectome(S).isel(network=0), "no network axis"),
        (lambda: Connectome(np.stack([S, S])).isel(network="a"), "network must select among 2 networks"),
        (lambda: Connectome(S).sel(None), "sel takes the units that remain, by the name units= or unit="),
        (lambda: Connectome(S, pvalue=S).edges(alpha="a"), "alpha must lie between 0 and 1; got 'a'"),
    ],
)
def test_what_is_no_connectome_is_refused_by_name(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_attributes_of_others_are_taken_as_they_are():
    data = xr.Dataset({"score": (("target", "source"), S)}, attrs={"method": "by hand", "dt": 1e-3, "title": "x"})
    connectome = Connectome.from_xarray(data)
    assert (connectome.method, connectome.dt) == ("by hand", 1e-3)
    with pytest.raises(InputError, match="versions must be a dict"):
        Connectome.from_xarray(data.assign_attrs(versions="1.0"))
