"""`synfer demo` as a newcomer runs it: seconds from the command to its end, peak memory, and the table that it prints.

    python bench/run.py demo

The goal is 120 s on two cores and 1.5 GB.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import pandas as pd

from run import write_results


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        process = subprocess.Popen(["synfer", "demo", "--out", folder])
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            raise SystemExit("synfer demo failed")
        table = pd.read_csv(Path(folder) / "table.csv").round(3)
    table["whole command, s"] = round(seconds, 1)
    table["peak, GB"] = round(usage.ru_maxrss * 1024 / 1e9, 2)
    text = (__doc__ or "").split("\n\n", 1)[1]
    write_results("demo", "The demonstration", text, table.fillna(""))


if __name__ == "__main__":
    main()
