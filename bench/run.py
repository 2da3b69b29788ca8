"""Run benchmarks: `python bench/run.py CASE [options of the case]`, a case being a file beside this one.

A case prints one table and writes it to bench/results/CASE.md with the machine it was measured on. What every case
needs for that is here.
"""

from __future__ import annotations

import os
import platform
import runpy
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """Processor, cores, how busy others keep them, and the versions that matter."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        families = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "cpu family" in line]
        model = f"{names[0]} (family {families[0]})" if names and families else model
    versions = ", ".join(f"{package} {version(package)}" for package in ("synfer", "torch", "numpy"))
    load = f"load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return (
        f"{model}, {platform.machine()}, {os.cpu_count()} cores, {load}; Python {platform.python_version()}, {versions}"
    )


def best_seconds(call: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of several calls: what else the machine does only ever adds."""
    best = float("inf")
    for _ in range(repeats):
        start = clock()
        call()
        best = min(best, clock() - start)
    return best


def write_results(case: str, title: str, text: str, table: pd.DataFrame, goals: pd.DataFrame | None = None) -> None:
    """Print the table, and write it with its explanation to bench/results/CASE.md; then goals."""
    shown = table.to_string(index=False)
    if goals is not None:
        shown += "\n\nGoals\n\n" + goals.to_string(index=False)
    print(shown)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{case}.md").write_text(f"# {title}\n\n{text.strip()}\n\n{machine()}\n\n```\n{shown}\n```\n")


def main() -> None:
    cases = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path != Path(__file__))
    if len(sys.argv) < 2 or sys.argv[1] not in cases:
        sys.exit(f"usage: python bench/run.py CASE [options]; the cases are {', '.join(cases)}")
    case = Path(__file__).parent / f"{sys.argv[1]}.py"
    sys.argv = [str(case), *sys.argv[2:]]
    runpy.run_path(str(case), run_name="__main__")


if __name__ == "__main__":
    main()
