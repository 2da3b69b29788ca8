"""The examples in the docstrings, run as a reader would."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["synfer.simulate.run", "synfer.simulate.networks"])
def test_examples_run_as_written(module: str) -> None:
    failed, attempted = doctest.testmod(importlib.import_module(module))
    assert attempted > 0
    assert failed == 0
