import warnings

import pytest

from synfer import errors


def test_everything_refused_is_a_synfer_error_and_a_builtin_one():
    for kind, builtin in {
        errors.InputError: ValueError,
        errors.ShapeError: ValueError,
        errors.UnknownNameError: ValueError,
        errors.FileError: OSError,
        errors.SimulationDivergedError: ArithmeticError,
        errors.FitDivergedError: ArithmeticError,
    }.items():
        assert issubclass(kind, errors.SynferError)
        assert issubclass(kind, builtin)


def test_unknown_name_suggests_the_nearest():
    error = errors.UnknownNameError.of("method", "conditional_grangr", ["conditional_granger", "causalformer"])
    assert str(error) == "method 'conditional_grangr' does not exist: did you mean 'conditional_granger'?"


def test_unknown_name_far_from_all_lists_them():
    with pytest.raises(errors.UnknownNameError, match=r"'zzz' does not exist: choose one of u, v\."):
        raise errors.UnknownNameError.of("signal", "zzz", {"v": 0, "u": 0})


def test_a_warning_is_of_the_line_that_called_synfer():
    """However deep within synfer it is: here under a name of synfer's, three calls down."""
    inside = {"__name__": "synfer.deep.within", "warnings": warnings, "errors": errors}
    exec(
        "def warn():\n    warnings.warn('x', errors.SynferWarning, stacklevel=errors.level_of_user())\n"
        "def deeper():\n    warn()\ndef deep():\n    deeper()\n",
        inside,
    )
    for way_in in ("warn", "deeper", "deep"):
        with pytest.warns(errors.SynferWarning) as caught:
            inside[way_in]()
        assert caught[0].filename == __file__
    assert errors.level_of_user() == 1
