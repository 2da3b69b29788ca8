"""What a Dask cluster of two workers is worth: the same fits by one process with one thread, and by two workers."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import torch
from distributed import Client, get_task_stream

from run import write_results
from synfer import benchmark

# Dask has its workers give freed memory back at once (MALLOC_TRIM_THRESHOLD_=65536), which each step of a training then
# takes anew, page by page: docs/cluster.md.
MEMORY = {"MALLOC_TRIM_THRESHOLD_": "1073741824", "MALLOC_MMAP_THRESHOLD_": "33554432"}
FIGURES = ["method", "network", "auroc", "auprc", "sign_accuracy", "n_edges"]


def fits(suite: str, chosen: str, method: str, settings: dict, networks: int) -> tuple[float, pd.DataFrame]:
    """Seconds of a run into a fresh folder, and its rows."""
    with tempfile.TemporaryDirectory() as out:
        begin = time.perf_counter()
        rows = benchmark.run(
            suite, [method], simulate=networks, sets=[chosen], settings={method: settings}, out=out, progress=False
        )
        return time.perf_counter() - begin, rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python bench/run.py cluster", description=__doc__)
    parser.add_argument("--networks", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--trim", action="store_true", help="leave Dask's own setting of memory as it is")
    given = parser.parse_args()
    cases = {
        "milliseconds": ("var", "num_nodes_10_true_lag_3", "mvgc", {}, 4 * given.networks),
        "a second": ("izhikevich", "exc16_inh4_p4", "grngc", {"penalty": 0.1, "max_epochs": 12}, given.networks),
    }
    torch.set_num_threads(1)  # as a worker has
    with tempfile.TemporaryDirectory() as home:
        file = str(Path(home) / "scheduler.json")
        dask = [sys.executable, "-m", "dask"]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = os.environ | ({} if given.trim else MEMORY)
        commands = (["scheduler", "--port", "0"], *2 * [["worker", "--nthreads", "1"]])
        common = ["--scheduler-file", file, "--no-dashboard"]
        # A session each: Linux shares processors out between sessions, and this one's share is not to be halved.
        started = [
            subprocess.Popen([*dask, *command, *common], env=environment, start_new_session=True, **quiet)
            for command in commands
        ]
        try:
            with Client(scheduler_file=file, timeout=120) as client:
                client.wait_for_workers(2, timeout=120)
                rows = []
                for name, case in cases.items():
                    alone, together, busy, cpu = [], [], [], {"alone": [], "together": []}
                    with joblib.parallel_config(backend="dask"):
                        fits(*case[:4], 4)  # what workers import, they import once
                    for _ in range(given.repeats):  # by turns: what else the machine does, it does to both
                        own = time.process_time()
                        seconds, expected = fits(*case)
                        alone.append(seconds)
                        cpu["alone"].append(time.process_time() - own)
                        before = sum(client.run(time.process_time).values())
                        with get_task_stream(client) as stream, joblib.parallel_config(backend="dask"):
                            seconds, found = fits(*case)
                        together.append(seconds)
                        cpu["together"].append(sum(client.run(time.process_time).values()) - before)
                        spans = [step for task in stream.data for step in task["startstops"]]
                        work = sum(step["stop"] - step["start"] for step in spans if step["action"] == "compute")
                        busy.append(work / (2 * seconds))
                        assert found[FIGURES].equals(expected[FIGURES])
                    rows.append(
                        {
                            "fits of": name, "method": case[2], "fits": case[4],
                            "s a fit, alone": round(min(alone) / case[4], 4),
                            "s, one process": round(min(alone), 2), "s, two workers": round(min(together), 2),
                            "CPU s": round(min(cpu["alone"]), 2), "CPU s of both": round(min(cpu["together"]), 2),
                            "efficiency": round(min(alone) / (2 * min(together)), 2),
                            "workers busy": round(max(busy), 2),
                        }
                    )  # fmt: skip
                client.shutdown()
        finally:
            for process in started:
                process.terminate()
                process.wait()
    write_results(
        "cluster",
        "Fits on a Dask cluster",
        f"python bench/run.py cluster --networks {given.networks} --repeats {given.repeats}{' --trim' * given.trim}\n\n"
        "`benchmark.run` of fresh networks, by one process with one thread and by a scheduler and two workers of one\n"
        "thread each, processes of their own on the same two cores; best of the repeats, which take turns. Simulating\n"
        "the network, the fit, its score and writing its files are all in it. `efficiency` is the time of one process\n"
        "over twice that of two workers: what scheduler, caller and other programs take of the two cores counts\n"
        "against it. `workers busy`, the share of the workers' time in which they computed, and `CPU s`, what\n"
        "processors worked for it, tell these apart: efficiency where each worker has a processor to itself is about\n"
        "busy x CPU s / CPU s of both. The figures are the same to the bit (asserted). Goal: .8 for fits of a second.",
        pd.DataFrame(rows),
    )


if __name__ == "__main__":
    main()
