"""
A thousand networks on a cluster
================================

One network tells little: whether a method is better than another is a question to many. Fits do not depend on each
other, so they go to as many processes, or machines, as there are. This page starts a Dask cluster of two workers on
the machine it is built on and sends a few networks there; with a thousand networks and a real cluster one line
changes.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
from dask.distributed import Client

from synfer import benchmark

methods = ["cross_correlation", "conditional_granger", "mvgc"]
suite = {"simulate": 4, "sets": ["num_nodes_10_true_lag_3"], "progress": False, "seed": 1}

# %%
# On this machine
# ---------------
# ``jobs=2`` would take two processes; here one, to have something to compare with.
alone = benchmark.run("var", methods, out=tempfile.mkdtemp(), **suite)

# %%
# On a cluster
# ------------
# A cluster is a scheduler and workers that know its address, here two of one thread. The two commands are what is
# typed (or submitted) on a real one, there with ``tcp://...:8786`` in the place of the file; ``dask_jobqueue`` does
# it for SLURM and its like.
folder = Path(tempfile.mkdtemp())  # on a cluster: one that all machines share
address = ["--scheduler-file", str(folder / "scheduler.json")]
dask = [sys.executable, "-m", "dask"]
processes = [
    subprocess.Popen([*dask, "scheduler", *address, "--port", "0", "--no-dashboard"], stderr=subprocess.DEVNULL),
    subprocess.Popen([*dask, "worker", *address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"],
                     stderr=subprocess.DEVNULL),
]  # fmt: skip

# %%
# synfer asks joblib for processes, and joblib asks whom it is told to: nothing else changes.
client = Client(scheduler_file=folder / "scheduler.json", timeout=60)
client.wait_for_workers(2, timeout=60)
with joblib.parallel_config(backend="dask"):
    begin = time.perf_counter()
    together = benchmark.run("var", methods, out=folder, **suite)
    print(f"{len(together)} fits on {len(client.ncores())} workers in {time.perf_counter() - begin:.1f} s")

# %%
# Every network has its own seed, so that it does not matter where it is made: the figures are the same to the bit.
figures = ["method", "network", "auroc", "auprc", "sign_accuracy"]
assert together[figures].equals(alone[figures])
benchmark.summary(together)[["method", "networks", "auroc", "auprc", "sign_accuracy"]].round(3)

# %%
# What was done is kept
# ---------------------
# Each fit is a file, written whole. Called again, nothing is done twice; broken off, by a time limit for instance, it
# goes on there. A worker that dies loses the fit it was at, which another worker then does.
begin = time.perf_counter()
again = benchmark.run("var", methods, out=folder, **suite)
print(f"asked again: {time.perf_counter() - begin:.1f} s")
client.shutdown()
for process in processes:
    process.wait()

# %%
# A thousand networks of the paper's kind, on the shell of a machine that sees the scheduler and the shared folder::
#
#     synfer benchmark izhikevich --simulate 63 --methods conditional_granger,synformer \\
#         --scheduler tcp://scheduler:8786 --out /shared/bench-out
#
# (16 cells of 63 networks each.) :doc:`/cluster` says how to start the workers, and what happens to those that die.
