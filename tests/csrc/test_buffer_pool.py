"""The pool that results come from, where the system has no memory left."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCES = HERE.parent.parent / "csrc"


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_a_buffer_that_cannot_be_remembered_is_freed(tmp_path: Path) -> None:
    program = tmp_path / "buffer_pool"
    sources = [HERE / "buffer_pool.cpp", SOURCES / "common" / "buffer_pool.cpp"]
    subprocess.run(["g++", "-std=c++17", f"-I{SOURCES}", "-o", program, *sources], check=True)
    run = subprocess.run([program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
