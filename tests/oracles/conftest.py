"""What the oracles share."""

from __future__ import annotations

import importlib.util
import os
import sys

import pytest


@pytest.fixture(scope="session")
def brian_python() -> str:
    """Give a Python that has Brian2."""
    if importlib.util.find_spec("brian2"):
        return sys.executable
    named = os.environ.get("SYNFER_BRIAN_PYTHON")
    if not named:
        pytest.skip("Brian2 is not installed; name a Python that has it by SYNFER_BRIAN_PYTHON")
    return named
