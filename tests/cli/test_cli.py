"""What all commands share, `synfer simulate`, `info`, and files that are in the way."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from synfer import Connectome, Network, Recording, _core, cli, cuda_kernels, discover, simulate


class TestSimulate:
    def test_writes_the_recording_and_the_network_that_the_library_makes(self, synfer, tmp_path):
        result = synfer(
            *("simulate", "--out", tmp_path / "r.nc", "--network", tmp_path / "n.nc", "--exc", 3, "--inh", 1),
            *("--p", 0.5, "--weight", 4, "--duration", 0.2, "--record", "v", "--record", "spikes", "--seed", 7),
        )
        assert result.exit_code == 0, result.output
        network = simulate.izhikevich_network(3, 1, 0.5, weight=4.0, seed=7)
        assert Network.load(tmp_path / "n.nc").identical(network)
        recording = simulate.run(network, 0.2, record=("v", "spikes"), seed=7)
        assert Recording.load(tmp_path / "r.nc").identical(recording)

    def test_can_prepare_the_voltage_as_the_paper_does(self, synfer, tmp_path):
        files = ("--out", tmp_path / "r.nc", "--network", tmp_path / "n.nc")
        assert synfer("simulate", *files, "--duration", 0.3, "--clip-and-zscore").exit_code == 0
        observed = Recording.load(tmp_path / "r.nc")["v"]
        np.testing.assert_allclose(observed.std(axis=0), 1.0, rtol=1e-4)

    def test_a_failed_simulation_is_a_failure_and_leaves_nothing(self, synfer, refused, tmp_path):
        files = ("--out", tmp_path / "r.nc", "--network", tmp_path / "n.nc")
        refused(synfer("simulate", *files, "--weight", 1e30), "not finite", "network 0", "unit 0", "step", code=1)
        assert list(tmp_path.iterdir()) == []

    def test_an_impossible_network_is_refused(self, synfer, refused, tmp_path):
        files = ("--out", tmp_path / "r.nc", "--network", tmp_path / "n.nc")
        refused(synfer("simulate", *files, "--p", 1.5), "p must")
        refused(synfer("simulate", *files, "--record", "vv"), "'vv'", "v")


def test_info_says_what_the_core_has_and_what_is_seen(synfer):
    result = synfer("info")
    assert result.exit_code == 0, result.output
    printed = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert printed["CUDA"].startswith("built; " if _core.cuda_built else "not built")
    assert ("no device here" in printed["CUDA"]) == (_core.cuda_built and not _core.cuda_devices())
    assert f"kernels on CUDA    {cuda_kernels.summary() if _core.cuda_built else 'not built'}" in result.stdout
    assert printed["methods"] == ", ".join(discover.METHODS)
    assert "izhikevich" in result.stdout


def test_demo_refuses_a_folder_that_cannot_be_made_before_the_work(synfer, refused, tmp_path, monkeypatch):
    monkeypatch.setattr("synfer.demo.simulate", lambda *_, **__: pytest.fail("the simulation began"))
    file = tmp_path / "file"
    file.touch()
    refused(synfer("demo", "--out", file), "cannot make the folder")
    refused(synfer("demo", "--out", file / "below"), "cannot make the folder")
    refused(synfer("demo", "--out", "/proc/self"), "cannot write")


@pytest.mark.filterwarnings("default::synfer.errors.SynferWarning")
def test_a_warning_is_one_line_and_the_work_goes_on(synfer, tmp_path):
    wide = tmp_path / "wide.nc"
    Recording.from_array(np.random.default_rng(0).normal(size=(36, 40)), 1e-3).save(wide)
    result = synfer(
        "discover", wide, "--method", "cross_correlation", "--set", "n_surrogates=0", "--out", tmp_path / "e.nc"
    )
    assert result.exit_code == 0, result.output
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("synfer: warning: ") and "transpose" in line


def test_the_installed_command_exits_as_it_should_and_is_quiet(recording_path, tmp_path):
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [shutil.which("synfer", path=str(Path(sys.executable).parent)) or "synfer", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    good = run("discover", recording_path, "--signal", "v", "--method", "cross_correlation", "--out", tmp_path / "e.nc")
    assert (good.returncode, good.stderr) == (0, "")  # no bar where nobody watches
    bad = run("evaluate", tmp_path / "e.nc", tmp_path / "missing.nc")
    assert bad.returncode == 2
    assert bad.stderr.startswith("synfer: error: ") and bad.stderr.count("\n") == 1
    assert run("no-such-command").returncode == 2
    assert "demo" in run("--help").stdout


class TestFilesInTheWay:
    def test_the_network_goes_beside_the_recording_where_no_place_is_named(self, synfer, tmp_path):
        result = synfer("simulate", "--out", tmp_path / "r.nc", "--duration", 0.05)
        assert result.exit_code == 0, result.output
        assert Network.load(tmp_path / "r.network.nc").n_units == Recording.load(tmp_path / "r.nc").n_units == 10

    def test_recording_and_network_cannot_be_one_file(self, synfer, refused, tmp_path):
        same = tmp_path / "a.nc"
        refused(synfer("simulate", "--out", same, "--network", same), "--network must be another file than --out")
        assert not same.exists()

    @pytest.mark.parametrize("force", [(), ("--force",)])
    def test_an_estimate_does_not_replace_its_recording(self, synfer, refused, recording_path, force):
        before = recording_path.read_bytes()
        arguments = ("--method", "conditional_granger", "--signal", "v", "--out", recording_path)
        refused(synfer("discover", recording_path, *arguments, *force), "--out must be another file than INPUT")
        assert recording_path.read_bytes() == before

    @pytest.mark.parametrize("in_the_way", ["r.nc", "r.network.nc"])
    def test_simulate_replaces_nothing_unasked(self, synfer, refused, tmp_path, in_the_way):
        (tmp_path / in_the_way).write_bytes(b"mine")
        command = ("simulate", "--out", tmp_path / "r.nc", "--duration", 0.05)
        option = "--out" if in_the_way == "r.nc" else "--network"
        refused(synfer(*command), f"{option} {tmp_path / in_the_way} exists", "--force")
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]
        assert synfer(*command, "--force").exit_code == 0
        assert Network.load(tmp_path / "r.network.nc").n_units == Recording.load(tmp_path / "r.nc").n_units

    def test_discover_replaces_nothing_unasked_and_says_so_before_the_work(
        self, synfer, refused, recording_path, tmp_path, monkeypatch
    ):
        command = ("discover", recording_path, "--method", "conditional_granger", "--signal", "v", "--out")
        (tmp_path / "e.nc").write_bytes(b"mine")
        with monkeypatch.context() as patched:
            patched.setattr(discover.ConditionalGranger, "fit", lambda *_: pytest.fail("the fit began"))
            refused(synfer(*command, tmp_path / "e.nc"), f"--out {tmp_path / 'e.nc'} exists", "--force")
        assert (tmp_path / "e.nc").read_bytes() == b"mine"
        assert synfer(*command, tmp_path / "e.nc", "--force").exit_code == 0
        assert Connectome.load(tmp_path / "e.nc").n_units == 5

    def test_the_demonstration_replaces_nothing_unasked(self, synfer, refused, tmp_path, monkeypatch):
        monkeypatch.setattr("synfer.demo.run", lambda *_, **__: None)
        (tmp_path / "demo.png").write_bytes(b"mine")
        (tmp_path / "notes.txt").write_bytes(b"not in the way")
        refused(synfer("demo", "--out", tmp_path), f"--out {tmp_path / 'demo.png'} exists", "--force")
        assert synfer("demo", "--out", tmp_path, "--force").exit_code == 0
        assert synfer("demo", "--out", tmp_path / "new").exit_code == 0

    def test_a_failed_fit_leaves_what_was_to_be_replaced(self, synfer, refused, recording_path, tmp_path):
        (tmp_path / "e.nc").write_bytes(b"mine")
        command = ("discover", recording_path, "--method", "conditional_granger", "--signal", "v", "--force")
        refused(synfer(*command, "--set", "lag=400", "--out", tmp_path / "e.nc"), "X must have at least")
        assert (tmp_path / "e.nc").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("text", "value"),
    [("false", False), ("True", True), ("3", 3), ("aic", "aic"), ("1e-3", 1e-3), ("{[]:1}", "{[]:1}")],
)
def test_values_of_set(text, value):
    assert cli.inputs.parsed(f"name={text}") == ("name", value)


def test_it_says_its_version_and_is_a_module(synfer):
    result = synfer("--version")
    assert (result.exit_code, result.stdout) == (0, f"synfer {importlib.metadata.version('synfer')}\n")
    done = subprocess.run([sys.executable, "-m", "synfer", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, result.stdout)
