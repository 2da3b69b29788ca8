"""Advice for Python becomes advice for the shell: of the library's own refusals, so that none is changed unseen."""

from __future__ import annotations

import numpy as np
import pytest

from synfer import Connectome, Recording, discover
from synfer.cli.advice import on_the_shell
from synfer.discover.origin import refuse_other
from synfer.errors import InputError
from synfer.evaluate import compare

RNG = np.random.default_rng(0)


def refusal(function, *arguments, **options):
    with pytest.raises(InputError) as found:
        function(*arguments, **options)
    return on_the_shell(str(found.value))


def fit(x):
    return refusal(discover.ConditionalGranger(lag=1).fit, x)


def test_units_to_leave_out_are_named():
    x = RNG.normal(size=(200, 14))
    x[:, [2, 5]] = 0.0
    assert fit(x).endswith("a constant neither drives nor is driven, leave them out by --drop 2,5.")
    x[:, 3:] = 0.0
    assert fit(x).endswith("leave them out by --drop UNIT[,UNIT].")
    y = RNG.normal(size=(200, 4))
    y[:, 2] = y[:, 1]
    assert fit(y).endswith("keep one, and leave the others out by --drop 2.")
    y[:, 2] = np.nan
    assert refusal(discover.Synformer().fit, y).endswith("got only NaN in unit 2: leave it out by --drop 2.")


def test_no_python_where_a_command_does_it():
    small, large, other = (Connectome(np.ones((n, n))) for n in (2, 3, 3))
    assert "--units FILE.csv" in refusal(compare, small, large) and "sel(" not in refusal(compare, small, large)
    named = Connectome(np.ones((3, 3)), unit_ids=["a", "b", "c"])
    assert refusal(compare, named, other).endswith("as those of the other are named, by --units or --by-position.")
    unscored = Connectome(np.full((3, 3), np.nan))
    assert "compare the others by --omit-unscored, or" in refusal(compare, unscored, large)
    recording = Recording({"v": RNG.normal(size=(50, 3))}, 0.1)
    assert refusal(refuse_other, small, recording).endswith("and the same --drop.")
    found = discover.ConditionalGranger(lag=1).fit(recording).connectome_
    assert "cut it alike (--trials, --time or --duration), or" in refusal(refuse_other, found, recording[0.0:4.0])
    assert "cut it alike (--time), or" in refusal(refuse_other, found, recording_later())


def test_arguments_of_reading_are_named_as_they_are_typed(tmp_path):
    np.savez(tmp_path / "two.npz", a=np.ones((9, 2)), b=np.ones((9, 2)))
    np.savez(tmp_path / "spikes.npz", times=np.ones(9), ids=np.ones(9, int))
    for arguments, begins in (
        ({"path": "two.npz", "dt": 0.1}, "--variable must name one of the file's arrays"),
        ({"path": "two.npz", "variable": "a"}, "--dt must be given"),
        ({"path": "two.npz", "dt": 0.1, "variable": "c"}, "--variable 'c' is not in the file"),
    ):
        path = tmp_path / arguments.pop("path")
        assert refusal(Recording.from_file, path, **arguments).startswith(begins)
    assert "is meant, --variable must name it" in refusal(Recording.from_file, tmp_path / "spikes.npz", dt=0.1)


def recording_later():
    return Recording({"v": RNG.normal(size=(50, 3))}, 0.1, t0=2.0)
