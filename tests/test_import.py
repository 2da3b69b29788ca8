"""What a newcomer waits for: importing synfer, and its help, load neither torch nor numpy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = "sorted({'torch', 'numpy', 'scipy', 'sklearn', 'pandas', 'xarray', 'matplotlib'} & set(sys.modules))"


@pytest.mark.parametrize("module", ["synfer", "synfer.cli"])
def test_import_is_light_and_takes_less_than_a_second(module):
    best = float("inf")
    for _ in range(3):
        code = f"import sys, time; t = time.process_time(); import {module}; print(time.process_time() - t, {HEAVY})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        seconds, _, heavy = done.stdout.strip().partition(" ")
        assert heavy == "[]"
        best = min(best, float(seconds))
    assert best < 1.0
