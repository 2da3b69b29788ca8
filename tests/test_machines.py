"""Work done elsewhere: folders that are not shared, schedulers that are none; and a real cluster, whose workers die."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest
import torch

import synfer as sf
from synfer import benchmark, machines
from synfer.discover import CrossCorrelation, fit_files
from synfer.errors import FileError, InputError

SUITE = {"simulate": 8, "sets": ["num_nodes_10_true_lag_3"], "progress": False, "seed": 3}
METHODS = ("conditional_granger", "cross_correlation", "mvgc")
FIGURES = ["method", "set", "network", "auroc", "auprc", "sign_accuracy", "n_edges", "settings"]


def test_the_caller_keeps_its_threads_and_others_take_one(tmp_path):
    threads = torch.get_num_threads()
    with machines.meeting(tmp_path / "new") as place:
        place.join()
        assert torch.get_num_threads() == threads
        assert place.mark.exists()
        try:
            dataclasses.replace(place, caller="another machine 1").join()
            assert torch.get_num_threads() == 1
        finally:
            torch.set_num_threads(threads)
    assert list((tmp_path / "new").iterdir()) == []


def test_another_folder_of_the_same_name_is_refused(tmp_path):
    threads = torch.get_num_threads()
    with machines.meeting(tmp_path) as place:
        place.mark.unlink()
        place.join()  # the caller need not ask itself
        try:
            with pytest.raises(FileError, match="out must be a folder that all who work see"):
                dataclasses.replace(place, caller="another machine 1").join()
        finally:
            torch.set_num_threads(threads)


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((FileError, OSError)), machines.meeting(tmp_path / "file"):
        pass


def test_no_scheduler_is_no_cluster():
    with machines.cluster(None):
        assert joblib.parallel.get_active_backend()[0].__class__.__name__ == "LokyBackend"


@pytest.mark.parametrize("scheduler", ["nowhere.json", "tcp://127.0.0.1:1", "smoke://127.0.0.1:1"])
def test_a_scheduler_that_is_none_is_refused(scheduler, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(machines, "PATIENCE", 1.0)
    with pytest.raises(InputError, match="scheduler must be the address"), machines.cluster(scheduler):
        pass


@pytest.mark.parametrize("text", ["", "[]", '{"id": 1}'])
def test_a_schedulers_file_is_waited_for_until_it_is_whole(text, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(machines, "PATIENCE", 0.2)
    file = tmp_path / "scheduler.json"
    file.write_text(text)
    with pytest.raises(InputError, match="names no address"), machines.cluster(str(file)):
        pass
    monkeypatch.setattr(machines, "PATIENCE", 30.0)
    written = threading.Timer(0.3, lambda: file.write_text('{"address": "tcp://127.0.0.1:1"}'))
    written.start()
    assert machines._address(str(file)) == "tcp://127.0.0.1:1"


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'synfer\[dask\]'"), machines.cluster("tcp://127.0.0.1:1"):
        pass


def _too_long(*_):
    raise TimeoutError("the cluster did not answer in four minutes")


@pytest.fixture
def scheduler(tmp_path):
    """A scheduler and two workers, processes of their own in folders of their own, found by the scheduler's file."""
    pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    commands = [
        ["scheduler", "--scheduler-file", file, "--port", "0", "--no-dashboard"],
        ["worker", "--scheduler-file", file, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"],
    ]
    started = []
    for k, command in enumerate(commands):
        home = tmp_path / f"machine_{k}"
        home.mkdir()
        with (home / "log").open("wb") as log:
            started.append(subprocess.Popen([*dask, *map(str, command)], cwd=home, stdout=log, stderr=log))
    for _ in range(600):
        if file.exists():
            break
        time.sleep(0.1)
    previous = signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(240)  # a cluster that has lost its way waits for ever, and would take the whole run with it
    yield str(file)
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)
    for process in reversed(started):
        process.send_signal(signal.SIGINT)
    for process in started:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.mark.slow
def test_a_cluster_gives_what_one_machine_gives_even_if_a_worker_dies(scheduler, tmp_path, monkeypatch):
    from distributed import default_client

    alone = benchmark.run("var", METHODS, out=tmp_path / "alone", **SUITE)
    monkeypatch.chdir(tmp_path)  # a relative folder is the caller's
    killed = []

    def kill_one():
        kept = tmp_path / "together" / "var" / "simulated"
        while len(list(kept.rglob("*.json"))) < 2:
            time.sleep(0.01)
        killed.append(pids.pop())
        os.kill(killed[0], signal.SIGKILL)

    with machines.cluster(scheduler):
        default_client().wait_for_workers(2, timeout=60)
        pids = list(default_client().run(os.getpid).values())
        assert len(pids) == 2 and os.getpid() not in pids
        killer = threading.Thread(target=kill_one)
        killer.start()
        together = benchmark.run("var", METHODS, out="together", **SUITE)
        killer.join(60)
        again = benchmark.run("var", METHODS, out="together", **SUITE)
    assert len(killed) == 1
    assert together[FIGURES].equals(alone[FIGURES])
    assert again[FIGURES].equals(together[FIGURES])  # but for seconds: what died with its worker was done twice
    for path in sorted((tmp_path / "alone").rglob("*.nc")):
        other = tmp_path / "together" / path.relative_to(tmp_path / "alone")
        assert sf.Connectome.load(other).identical(sf.Connectome.load(path))


@pytest.mark.slow
def test_recordings_on_a_cluster(scheduler, tmp_path):
    for k in range(6):
        sf.Recording.from_array(np.random.default_rng(k).standard_normal((400, 5)), dt=0.01).save(tmp_path / f"{k}.nc")
    estimator = CrossCorrelation(max_lag=3, random_state=1)
    paths = sorted(tmp_path.glob("*.nc"))
    alone = fit_files(estimator, paths, out=tmp_path / "alone")
    with machines.cluster(scheduler):
        together = fit_files(estimator, paths, out=tmp_path / "together")
    assert together["error"].isna().all()
    for one, other in zip(alone["connectome"], together["connectome"], strict=True):
        assert sf.Connectome.load(one).identical(sf.Connectome.load(other))
