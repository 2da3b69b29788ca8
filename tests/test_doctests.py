"""The examples in docstrings: all of them hold, and every class a newcomer meets has one."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import synfer
from synfer import simulate
from synfer.discover import METHODS

ROOT = Path(synfer.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8"))
WITHOUT_EXAMPLE = {"Network"}  # simulate's functions make them
TWINS = {"run_reference"}  # not for users: slow and obvious, to be tested against
DOORS = {name: getattr(room, name) for room in (simulate, simulate.observe) for name in room.__all__}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("name", [module_of(path) for path in FILES])
def test_the_examples_hold(name):
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert attempted > 0
    assert failed == 0


@pytest.mark.parametrize(
    "public", [synfer.Recording, synfer.Network, synfer.Connectome, *METHODS.values()], ids=lambda c: c.__name__
)
def test_every_public_class_has_an_example(public):
    if public.__name__ in WITHOUT_EXAMPLE:
        pytest.skip("listed as without example")
    finder = doctest.DocTestFinder(recurse=False)
    assert any(found.examples for found in finder.find(public))


@pytest.mark.parametrize("name", [name for name, door in DOORS.items() if callable(door) and name not in TWINS])
def test_every_door_of_the_simulator_has_an_example(name):
    finder = doctest.DocTestFinder(recurse=False)
    assert any(found.examples for found in finder.find(DOORS[name]))
