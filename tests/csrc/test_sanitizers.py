"""The compiled kernels under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from synfer import _core

HERE = Path(__file__).parent
SOURCES = HERE.parent.parent / "csrc"
LEVELS = {"baseline": [], "avx2": ["-mavx2", "-mfma"]}
LEVELS["avx512"] = [*(f"-mavx512{part}" for part in ("f", "bw", "dq", "vl")), "-mfma", "-mprefer-vector-width=512"]
COMMON = ("common/buffer_pool.cpp", "common/instruction_level.cpp")
# The program tests/csrc/SUBJECT.cpp: sources compiled once for each instruction level, and once.
SUBJECTS = {
    "attention": (("forward", "backward", "level"), ("attention/cpu/attention.cpp", *COMMON)),
    "ensemble": (
        ("elementwise", "embedding", "feed_forward", "level", "linear"),
        ("ensemble/cpu/ensemble.cpp", *COMMON),
    ),
}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.parametrize("subject", SUBJECTS)
def test_kernels_touch_nothing_but_their_tensors(subject: str, tmp_path: Path) -> None:
    levelled, others = SUBJECTS[subject]
    x86 = platform.machine() in ("x86_64", "AMD64")
    common = ["g++", "-std=c++17", "-O1", "-g", f"-I{SOURCES}", "-ffp-contract=off"]
    common += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    objects = []
    for level, options in LEVELS.items() if x86 else [("baseline", [])]:
        for source in levelled:
            objects.append(tmp_path / f"{source}.{level}.o")
            kernel = SOURCES / subject / "cpu" / f"{source}.cpp"
            define = f"-DSYNFER_LEVEL={level}"
            subprocess.run([*common, define, *options, "-fopenmp-simd", "-c", "-o", objects[-1], kernel], check=True)
    rest = [SOURCES / name for name in others] + [HERE / f"{subject}.cpp"]
    define = ["-DSYNFER_X86_LEVELS"] if x86 else []
    program = tmp_path / subject
    subprocess.run([*common, *define, "-fopenmp", "-o", program, *rest, *objects], check=True)
    # The pool keeps its memory to the end on purpose.
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0", "OMP_NUM_THREADS": "2"}
    run = subprocess.run([program], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-4000:]
    assert [line.split(":")[0] for line in run.stdout.splitlines()] == _core.instruction_levels()
