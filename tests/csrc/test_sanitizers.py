"""The compiled kernels under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import functools
import os
import platform
import re
import shutil
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from synfer import _core

HERE = Path(__file__).parent
SOURCES = HERE.parent.parent / "csrc"
LEVELS = {"baseline": [], "avx2": ["-mavx2", "-mfma"]}
LEVELS["avx512"] = [*(f"-mavx512{part}" for part in ("f", "bw", "dq", "vl")), "-mfma", "-mprefer-vector-width=512"]
# Checks of addresses by calls, no line numbers, and none of the checks that the address sanitizer makes anyway (or, of
# alignment, that x86 has no need of): inlined kernels otherwise compile for many minutes.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize=null,alignment,object-size", "-g0"]
SANITIZERS += ["-fno-sanitize-recover=undefined", "--param", "asan-instrumentation-with-call-threshold=0"]
# Where the package index's cmeel-eigen puts it, or the system.
EIGEN = Path(sysconfig.get_path("purelib")) / "cmeel.prefix" / "include" / "eigen3"
EIGEN = EIGEN if EIGEN.exists() else Path("/usr/include/eigen3")
COMMON = ("common/buffer_pool.cpp", "common/instruction_level.cpp", "simulator/events.cpp")
# Of each there is a program tests/csrc/SUBJECT*.cpp, built with all of csrc/SUBJECT/cpu, or of csrc/SUBJECT.
SUBJECTS = ("attention", "ensemble", "pair_density", "simulator")


def folder_of(subject: str) -> Path:
    """Where a subject's sources lie: those with a twin on the GPU in cpu/."""
    cpu = SOURCES / subject / "cpu"
    return cpu if cpu.exists() else cpu.parent


def sources_of(subject: str) -> tuple[list[str], list[str]]:
    """Names of the sources compiled once for each instruction level, as CMakeLists.txt lists them, and others."""
    listed = re.findall(rf"csrc/{subject}/cpu/(\w+)\.cpp", (SOURCES.parent / "CMakeLists.txt").read_text())
    there = {path.stem for path in folder_of(subject).glob("*.cpp")}
    return sorted(there & set(listed)), sorted(there - set(listed))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.parametrize("subject", SUBJECTS)
def test_kernels_touch_nothing_but_their_tensors(subject: str, tmp_path: Path) -> None:
    levelled, others = sources_of(subject)
    x86 = platform.machine() in ("x86_64", "AMD64")
    common = ["g++", "-std=c++17", "-O1", f"-I{SOURCES}", "-ffp-contract=off", *SANITIZERS]
    common += [f"-isystem{EIGEN}"]
    builds = []
    for level, options in LEVELS.items() if x86 else [("baseline", [])]:
        for source in levelled:
            kernel = folder_of(subject) / f"{source}.cpp"
            define, made = f"-DSYNFER_LEVEL={level}", tmp_path / f"{source}.{level}.o"
            builds.append([*common, define, *options, "-fopenmp-simd", "-c", kernel, "-o", made])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(functools.partial(subprocess.run, check=True), builds):
            pass
    objects = [build[-1] for build in builds]
    rest = [folder_of(subject) / f"{name}.cpp" for name in others] + [SOURCES / name for name in COMMON]
    rest += sorted(HERE.glob(f"{subject}*.cpp"))
    define = ["-DSYNFER_X86_LEVELS"] if x86 else []
    program = tmp_path / subject
    subprocess.run([*common, *define, "-fopenmp", "-o", program, *rest, *objects], check=True)
    # The pool keeps its memory to the end on purpose.
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0", "OMP_NUM_THREADS": "2"}
    run = subprocess.run([program], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-4000:]
    expected = _core.instruction_levels() if levelled else ["baseline"]
    assert [line.split(":")[0] for line in run.stdout.splitlines()] == expected
