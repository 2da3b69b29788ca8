"""Threads of the compiled core, also where a process was forked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from synfer.threads import n_threads


def test_torch_says_how_many_unless_the_caller_does() -> None:
    assert n_threads() == torch.get_num_threads()
    assert n_threads(3) == 3


CHILD = """
import os, sys, warnings
import numpy as np
from synfer.discover import ConditionalGranger
from synfer.simulate import izhikevich_network, run
from synfer.threads import n_threads

warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of forks where threads live
network = izhikevich_network(40, 10, 0.4, n_networks=8)
x = np.random.default_rng(0).standard_normal((20_000, 12))

def work():
    return run(network, 0.1, n_threads=2), ConditionalGranger(lag=2).fit(x).coef_

before = work()
assert n_threads() == 2 and n_threads(5) == 5
child = os.fork()
if child == 0:
    after = work()
    same = after[0].identical(before[0]) and np.array_equal(after[1], before[1])
    os._exit(0 if same and n_threads() == n_threads(5) == 1 else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_computes_the_same_and_does_not_hang() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    # In a session of its own, so that at the time limit the child that hangs ends with its parent.
    process = subprocess.Popen([sys.executable, "-c", CHILD], env=environment, start_new_session=True)
    try:
        assert process.wait(timeout=120) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.wait()
