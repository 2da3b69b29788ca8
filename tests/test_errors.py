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
