from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from synfer import Connectome, Network, Recording, _core, cli, cuda_kernels, datasets, discover, evaluate, simulate

CELL = "exc4_inh1_nodiag_withinp_rand/p4/inpvar5_S5_t5000/seed0"


def synfer(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def refused(result: Result, *words: str, code: int = 2) -> None:
    """One line on stderr that holds all the words, and no traceback."""
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("synfer: error: "), result.stderr
    for word in words:
        assert word in lines[0]


@pytest.fixture(scope="module")
def network() -> Network:
    return simulate.izhikevich_network(4, 1, 0.4, seed=2)


@pytest.fixture(scope="module")
def recording_path(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "recording.nc"
    simulate.run(network, 0.5, record=("v", "spikes"), seed=2).save(path)
    return path


@pytest.fixture
def estimate_path(network: Network, tmp_path: Path) -> Path:
    path = tmp_path / "estimate.nc"
    score = np.random.default_rng(0).random((5, 5))
    Connectome(score, weight=score).save(path)
    return path


class TestSimulate:
    def test_writes_the_recording_and_the_network_that_the_library_makes(self, tmp_path):
        result = synfer(
            *("simulate", "--out", tmp_path / "r.nc", "--network", tmp_path / "n.nc", "--exc", 3, "--inh", 1),
            *("--p", 0.5, "--weight", 4, "--duration", 0.2, "--record", "v", "--record", "spikes", "--seed", 7),
        )
        assert result.exit_code == 0, result.output
        network = simulate.izhikevich_network(3, 1, 0.5, weight=4.0, seed=7)
        assert Network.load(tmp_path / "n.nc").identical(network)
        recording = simulate.run(network, 0.2, record=("v", "spikes"), seed=7)
        assert Recording.load(tmp_path / "r.nc").identical(recording)

    def test_can_prepare_the_voltage_as_the_paper_does(self, tmp_path):
        files = ("--out", tmp_path / "r.nc", "--network", tmp_path / "n.nc")
        assert synfer("simulate", *files, "--duration", 0.3, "--clip-and-zscore").exit_code == 0
        observed = Recording.load(tmp_path / "r.nc")["v"]
        np.testing.assert_allclose(observed.std(axis=0), 1.0, rtol=1e-4)

    def test_a_failed_simulation_is_a_failure_and_leaves_nothing(self, tmp_path):
        files = ("--out", tmp_path / "r.nc", "--network", tmp_path / "n.nc")
        refused(synfer("simulate", *files, "--weight", 1e30), "not finite", "network 0", "unit 0", "step", code=1)
        assert list(tmp_path.iterdir()) == []

    def test_an_impossible_network_is_refused(self, tmp_path):
        files = ("--out", tmp_path / "r.nc", "--network", tmp_path / "n.nc")
        refused(synfer("simulate", *files, "--p", 1.5), "p must")
        refused(synfer("simulate", *files, "--record", "vv"), "'vv'", "v")


class TestDiscover:
    def test_writes_what_the_estimator_finds(self, recording_path, tmp_path):
        result = synfer(
            *("discover", recording_path, "--method", "conditional_granger", "--signal", "v"),
            *("--set", "lag=2", "--set", "ridge=0.1", "--out", tmp_path / "e.nc"),
        )
        assert result.exit_code == 0, result.output
        recording = Recording.load(recording_path, signals=["v"])
        expected = discover.ConditionalGranger(lag=2, ridge=0.1).fit(recording).connectome_
        assert Connectome.load(tmp_path / "e.nc").identical(expected)

    def test_seed_is_the_random_state_and_text_parameters_need_no_quotes(self, recording_path, tmp_path):
        for seed in (0, 5):
            common = ("discover", recording_path, "--signal", "v", "--seed", seed)
            assert synfer(*common, "--method", "cross_correlation", "--out", tmp_path / f"{seed}.nc").exit_code == 0
            assert Connectome.load(tmp_path / f"{seed}.nc").seed == seed
        granger = ("--method", "ConditionalGranger", "--set", "lag=aic", "--out", tmp_path / "g.nc")
        assert synfer(*common, *granger).exit_code == 0  # draws nothing: the seed is not for it
        assert Connectome.load(tmp_path / "g.nc").parameters["lag"] == "aic"

    def test_reads_a_published_folder(self, data_folder, tmp_path):
        folder = data_folder / "izhikevich" / CELL
        out = tmp_path / "e.nc"
        assert synfer("discover", folder, "--method", "cross_correlation", "--out", out).exit_code == 0
        recording, truth = datasets.load_izhikevich(folder)
        expected = discover.CrossCorrelation(random_state=0).fit(recording).connectome_
        assert Connectome.load(out).identical(expected)
        result = synfer("evaluate", out, folder)
        assert f"{evaluate.compare(expected, truth)['auroc']:.4f}" in result.stdout

    def test_reads_files_of_other_tools(self, recording_path, tmp_path):
        recording = Recording.load(recording_path)
        np.savez(tmp_path / "x.npz", v=recording["v"], u=2 * recording["v"])
        common = ("discover", tmp_path / "x.npz", "--method", "conditional_granger", "--out", tmp_path / "e.nc")
        assert synfer(*common, "--dt", recording.dt, "--variable", "v").exit_code == 0
        expected = discover.ConditionalGranger().fit(Recording.from_array(recording["v"], recording.dt)).connectome_
        np.testing.assert_array_equal(Connectome.load(tmp_path / "e.nc").score, expected.score)
        common = (*common[:-1], tmp_path / "f.nc")
        refused(synfer(*common, "--dt", recording.dt), "variable", "v (", "u (")
        refused(synfer(*common, "--variable", "v"), "dt must be given")
        refused(synfer(*common, "--series", "v"), "series is nothing to give for a .npz file")
        own = ("discover", recording_path, "--method", "conditional_granger", "--out", tmp_path / "f.nc")
        refused(synfer(*own, "--dt", 0.1), "--dt is for files of other tools")

    def test_reads_a_span_of_time_of_any_recording(self, recording_path, tmp_path):
        recording = Recording.load(recording_path, signals=["v"])
        np.savez(tmp_path / "x.npz", v=recording["v"], dt=recording.dt)
        parts = (recording.isel(time=slice(100, 400)), recording[0.1:0.4])  # an npz file's first sample is at 0
        method = ("--method", "conditional_granger", "--set", "lag=1")
        for k, path in enumerate((tmp_path / "x.npz", recording_path)):
            signal = () if k == 0 else ("--signal", "v")
            out = tmp_path / f"{k}.nc"
            result = synfer("discover", path, *method, *signal, "--time", "0.1:0.4", "--out", out)
            assert result.exit_code == 0, result.output
            expected = discover.ConditionalGranger(lag=1).fit(parts[k]).connectome_
            np.testing.assert_array_equal(Connectome.load(out).score, expected.score)
            page = ("report", out, "--recording", path, *signal, "--out", tmp_path / f"{k}.html")
            refused(synfer(*page), "1 and 300", "1 and 500")
            assert synfer(*page, "--time", "0.1:0.4").exit_code == 0
        common = ("discover", tmp_path / "x.npz", *method, "--out", tmp_path / "no.nc", "--time")
        for text in ("3", "a:b", "0:1:2"):
            refused(synfer(*common, text), "--time takes START:STOP in seconds", repr(text))
        refused(synfer(*common, "7:"), "no sample in 7.0")
        (tmp_path / "s.csv").write_text("0.1,1\n")
        refused(synfer("discover", tmp_path / "s.csv", *common[2:], "0:1"), "dt must be given")

    def test_unknown_names_are_refused_with_the_nearest(self, recording_path, tmp_path):
        common = ("discover", recording_path, "--out", tmp_path / "e.nc")
        refused(synfer(*common, "--method", "conditional_grangr"), "'conditional_grangr'", "'conditional_granger'")
        granger = (*common, "--method", "conditional_granger", "--signal", "v")
        refused(synfer(*granger, "--set", "max_lags=3"), "'max_lags'", "'max_lag'")
        refused(synfer(*granger, "--set", "lag"), "KEY=VALUE", "'lag'")
        refused(synfer(*granger, "--set", "lag=bicc"), "lag", "'bicc'")
        refused(synfer(*granger, "--set", "lag={[]:1}"), "lag", "'{[]:1}'")
        refused(synfer(*granger[:-1], "spike"), "'spike'", "'spikes'")
        assert not (tmp_path / "e.nc").exists()

    def test_several_signals_need_a_choice(self, recording_path, tmp_path):
        command = ("discover", recording_path, "--method", "conditional_granger", "--out", tmp_path / "e.nc")
        refused(synfer(*command), "signal", "'v'", "'spikes'")

    def test_unreadable_input_is_refused(self, recording_path, tmp_path):
        command = ("--method", "conditional_granger", "--out", tmp_path / "e.nc")
        half = tmp_path / "half.nc"
        half.write_bytes(recording_path.read_bytes()[: recording_path.stat().st_size // 2])
        text = tmp_path / "notes.txt"
        text.write_text("not a recording\n")
        empty = tmp_path / "empty"
        empty.mkdir()
        for path, words in (
            (half, "half.nc"),
            (text, "notes.txt"),
            (tmp_path / "no", "no such file"),
            (empty, "empty"),
        ):
            refused(synfer("discover", path, *command), words)

    def test_a_folder_with_a_missing_file_is_refused_by_its_name(self, data_folder, tmp_path):
        folder = shutil.copytree(data_folder / "izhikevich" / CELL, tmp_path / "network")
        (folder / "v_normed_alltimes.txt").unlink()
        command = ("--method", "conditional_granger", "--out", tmp_path / "e.nc")
        refused(synfer("discover", folder, *command), "v_normed_alltimes.txt")

    def test_an_output_that_cannot_be_written_is_refused_before_the_work(self, recording_path, tmp_path, monkeypatch):
        def too_late(*_):
            raise AssertionError("the fit began")

        monkeypatch.setattr(discover.ConditionalGranger, "fit", too_late)
        command = ("discover", recording_path, "--method", "conditional_granger", "--signal", "v", "--out")
        refused(synfer(*command, tmp_path / "missing" / "e.nc"), "missing", "does not exist")
        refused(synfer(*command, "/dev/null/e.nc"), "/dev/null")
        refused(synfer(*command, tmp_path), "not a plain file")


class TestEvaluate:
    def test_prints_each_figure_against_a_network_or_a_connectome(self, network, estimate_path, tmp_path):
        network.save(tmp_path / "n.nc")
        network.connectome.save(tmp_path / "t.nc")
        figures = evaluate.compare(Connectome.load(estimate_path), network.connectome)
        for truth in ("n.nc", "t.nc"):
            result = synfer("evaluate", estimate_path, tmp_path / truth)
            assert result.exit_code == 0, result.output
            printed = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
            assert printed.keys() == figures.keys()
            assert printed["auroc"] == f"{figures['auroc']:.4f}"
            assert printed["n_units"] == "5"

    def test_what_is_no_truth_is_refused(self, recording_path, estimate_path, tmp_path):
        refused(synfer("evaluate", estimate_path, recording_path), "as a connectome", "holds a recording")
        refused(synfer("evaluate", estimate_path, tmp_path / "no.nc"), "no such file")
        refused(synfer("evaluate", recording_path, estimate_path), "holds a recording")
        refused(synfer("evaluate", tmp_path / "small.nc", estimate_path), "no such file")
        simulate.izhikevich_network(2, 1, 0.5).save(tmp_path / "small.nc")
        refused(synfer("evaluate", estimate_path, tmp_path / "small.nc"), "units", "only the estimate has 3, 4;")
        refused(synfer("evaluate", tmp_path / "small.nc", estimate_path), "holds a network")

    def test_units_are_matched_by_label_and_the_first_that_differ_are_named(self, tmp_path):
        score = np.random.default_rng(0).random((4, 4))
        one, other = Connectome(score, unit_ids=["a", "b", "c", "d"]), Connectome(score.round(), unit_ids=list("dcba"))
        one.save(tmp_path / "one.nc")
        other.save(tmp_path / "other.nc")
        result = synfer("evaluate", tmp_path / "one.nc", tmp_path / "other.nc")
        assert f"{evaluate.compare(one.sel(list('dcba')), other)['auroc']:.4f}" in result.stdout
        Connectome(score).save(tmp_path / "numbered.nc")
        refused(
            synfer("evaluate", tmp_path / "numbered.nc", tmp_path / "one.nc"),
            "only the truth has 'a', 'b', 'c', ... and only the estimate has 0, 1, 2, ...; no label is in both",
        )


class TestARecordingWhereAnEstimateIsExpected:
    @pytest.mark.parametrize("command", ["report", "trust", "evaluate"])
    def test_is_refused_with_the_command_that_comes_first(self, recording_path, estimate_path, tmp_path, command):
        rest = {"report": (), "trust": ("--recording", recording_path), "evaluate": (estimate_path,)}[command]
        own = tmp_path / "own.nc"
        shutil.copy(recording_path, own)
        foreign = tmp_path / "session.nwb"
        with h5py.File(foreign, "w") as file:
            file.attrs["nwb_version"] = "2.9.0"
        (tmp_path / "spikes.csv").write_text("0.1,1\n")
        for path, words in (
            (own, "it holds a recording, of which the connectome has yet to be found"),
            (foreign, "synfer did not write it; if it is a recording"),
            (tmp_path / "spikes.csv", "synfer did not write it; if it is a recording"),
        ):
            mend = f"run synfer discover {path} --method NAME --out estimate.nc first, and give estimate.nc"
            refused(synfer(command, path, *rest), words, mend)

    def test_damaged_files_and_folders_are_called_what_they_are(self, estimate_path, tmp_path):
        (tmp_path / "half.nc").write_bytes(estimate_path.read_bytes()[:3000])
        refused(synfer("report", tmp_path / "half.nc"), "half-written, damaged")
        refused(synfer("report", tmp_path / "no.nwb"), "no such file")
        (tmp_path / "folder").mkdir()
        refused(synfer("report", tmp_path / "folder"), "give a benchmark's folder, OUT/SUITE, or the file of one")


def test_info_says_what_the_core_has_and_what_is_seen():
    result = synfer("info")
    assert result.exit_code == 0, result.output
    printed = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert printed["CUDA"].startswith("built; " if _core.cuda_built else "not built")
    assert ("no device here" in printed["CUDA"]) == (_core.cuda_built and not _core.cuda_devices())
    assert f"kernels on CUDA    {cuda_kernels.summary() if _core.cuda_built else 'not built'}" in result.stdout
    assert printed["methods"] == ", ".join(discover.METHODS)
    assert "izhikevich" in result.stdout


def test_demo_refuses_a_folder_that_cannot_be_made_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("synfer.demo.simulate", lambda *_, **__: pytest.fail("the simulation began"))
    file = tmp_path / "file"
    file.touch()
    refused(synfer("demo", "--out", file), "cannot make the folder")
    refused(synfer("demo", "--out", file / "below"), "cannot make the folder")
    refused(synfer("demo", "--out", "/proc/self"), "cannot write")


@pytest.mark.filterwarnings("default::synfer.errors.SynferWarning")
def test_a_warning_is_one_line_and_the_work_goes_on(tmp_path):
    wide = tmp_path / "wide.nc"
    Recording.from_array(np.random.default_rng(0).normal(size=(36, 40)), 1e-3).save(wide)
    result = synfer("discover", wide, "--method", "cross_correlation", "--out", tmp_path / "e.nc")
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
    def test_the_network_goes_beside_the_recording_where_no_place_is_named(self, tmp_path):
        result = synfer("simulate", "--out", tmp_path / "r.nc", "--duration", 0.05)
        assert result.exit_code == 0, result.output
        assert Network.load(tmp_path / "r.network.nc").n_units == Recording.load(tmp_path / "r.nc").n_units == 10

    def test_recording_and_network_cannot_be_one_file(self, tmp_path):
        same = tmp_path / "a.nc"
        refused(synfer("simulate", "--out", same, "--network", same), "--network must be another file than --out")
        assert not same.exists()

    @pytest.mark.parametrize("force", [(), ("--force",)])
    def test_an_estimate_does_not_replace_its_recording(self, recording_path, force):
        before = recording_path.read_bytes()
        arguments = ("--method", "conditional_granger", "--signal", "v", "--out", recording_path)
        refused(synfer("discover", recording_path, *arguments, *force), "--out must be another file than INPUT")
        assert recording_path.read_bytes() == before

    @pytest.mark.parametrize("in_the_way", ["r.nc", "r.network.nc"])
    def test_simulate_replaces_nothing_unasked(self, tmp_path, in_the_way):
        (tmp_path / in_the_way).write_bytes(b"mine")
        command = ("simulate", "--out", tmp_path / "r.nc", "--duration", 0.05)
        option = "--out" if in_the_way == "r.nc" else "--network"
        refused(synfer(*command), f"{option} {tmp_path / in_the_way} exists", "--force")
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]
        assert synfer(*command, "--force").exit_code == 0
        assert Network.load(tmp_path / "r.network.nc").n_units == Recording.load(tmp_path / "r.nc").n_units

    def test_discover_replaces_nothing_unasked_and_says_so_before_the_work(self, recording_path, tmp_path, monkeypatch):
        command = ("discover", recording_path, "--method", "conditional_granger", "--signal", "v", "--out")
        (tmp_path / "e.nc").write_bytes(b"mine")
        with monkeypatch.context() as patched:
            patched.setattr(discover.ConditionalGranger, "fit", lambda *_: pytest.fail("the fit began"))
            refused(synfer(*command, tmp_path / "e.nc"), f"--out {tmp_path / 'e.nc'} exists", "--force")
        assert (tmp_path / "e.nc").read_bytes() == b"mine"
        assert synfer(*command, tmp_path / "e.nc", "--force").exit_code == 0
        assert Connectome.load(tmp_path / "e.nc").n_units == 5

    def test_the_demonstration_replaces_nothing_unasked(self, tmp_path, monkeypatch):
        monkeypatch.setattr("synfer.demo.run", lambda *_, **__: None)
        (tmp_path / "demo.png").write_bytes(b"mine")
        (tmp_path / "notes.txt").write_bytes(b"not in the way")
        refused(synfer("demo", "--out", tmp_path), f"--out {tmp_path / 'demo.png'} exists", "--force")
        assert synfer("demo", "--out", tmp_path, "--force").exit_code == 0
        assert synfer("demo", "--out", tmp_path / "new").exit_code == 0

    def test_a_failed_fit_leaves_what_was_to_be_replaced(self, recording_path, tmp_path):
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


class TestBenchmark:
    WORK = ("benchmark", "var", "--simulate", 1, "--sets", "num_nodes_10_true_lag_3")

    def test_writes_tables_and_a_picture(self, tmp_path):
        result = synfer(*self.WORK, "--methods", "conditional_granger,cross_correlation", "--out", tmp_path,
                        "--set", "cross_correlation.max_lag=2", "--jobs", 1)  # fmt: skip
        assert result.exit_code == 0, result.output
        assert "| conditional_granger | num_nodes_10_true_lag_3 | 1 | 0 |" in result.stdout
        made = {path.name for path in (tmp_path / "var").iterdir() if path.is_file()}
        assert made == {"results.csv", "results.md", "summary.csv", "summary.md", "calibration.md", "auroc.png"}
        assert "'max_lag': 2" in (tmp_path / "var" / "results.csv").read_text()

    def test_what_is_wrong_is_one_line(self, tmp_path):
        refused(synfer(*self.WORK, "--methods", "grangr", "--out", tmp_path), "method", "grangr")
        refused(
            synfer(*self.WORK, "--methods", "mvgc", "--out", tmp_path, "--set", "lag=2"), "METHOD.KEY=VALUE", "lag=2"
        )
        refused(synfer("benchmark", "dream3", "--methods", "mvgc", "--out", tmp_path, "--data", tmp_path), "no files")
        refused(synfer("benchmark", "dreem3", "--methods", "mvgc", "--out", tmp_path, "--data", tmp_path), "dream3")

    def test_why_a_fit_failed_is_said_below_the_table(self, tmp_path):
        result = synfer(*self.WORK, "--methods", "conditional_granger,cross_correlation", "--out", tmp_path,
                        "--set", "conditional_granger.lag=60")  # fmt: skip
        assert result.exit_code == 0, result.output
        (said,) = (line for line in result.stdout.splitlines() if "failed on" in line)
        assert said.startswith("conditional_granger failed on 1 of 1 networks of num_nodes_10_true_lag_3: InputError: ")

    def test_options_are_named_as_the_shell_has_them(self, tmp_path):
        neither = ("benchmark", "var", "--methods", "mvgc", "--out", tmp_path)
        refused(synfer(*neither), "--data", "--simulate")
        refused(synfer("benchmark", "netsim", "--simulate", 1, *neither[2:]), "'netsim'", "--data")
        refused(synfer("benchmark", "robustness", "--data", tmp_path, *neither[2:]), "'robustness'", "--simulate")


def test_it_says_its_version_and_is_a_module():
    result = synfer("--version")
    assert (result.exit_code, result.stdout) == (0, f"synfer {importlib.metadata.version('synfer')}\n")
    done = subprocess.run([sys.executable, "-m", "synfer", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, result.stdout)


def test_a_report_reads_what_discover_reads(tmp_path):
    """Trials of an NWB file, one variable of several: the page then says what the fit saw."""
    x = np.random.default_rng(0).normal(size=(3000, 4))
    np.savez(tmp_path / "x.npz", v=x, u=2 * x)
    given = ("--dt", 1e-3, "--variable", "v")
    fit = ("--method", "conditional_granger", "--out", tmp_path / "e.nc")
    assert synfer("discover", tmp_path / "x.npz", *given, *fit).exit_code == 0
    page = ("report", tmp_path / "e.nc", "--recording", tmp_path / "x.npz", "--out", tmp_path / "r.html")
    assert synfer(*page, *given).exit_code == 0
    pytest.importorskip("pynwb")
    path = nwb_of_trials(tmp_path)
    assert synfer("discover", path, "--trials", "trials", *fit, "--force").exit_code == 0
    page = ("report", tmp_path / "e.nc", "--recording", path, "--out", tmp_path / "t.html")
    refused(
        synfer(*page), "recording must be what the connectome was found from", "5 and 2500", "1 and 3000", "--trials"
    )
    assert synfer(*page, "--trials", "trials").exit_code == 0
    assert (
        "of 4 units was given in 5 stretches, 2500 samples in all (2.5 s, at a step"
        in (tmp_path / "t.html").read_text()
    )


def nwb_of_trials(folder: Path) -> Path:
    import pynwb

    recording = Recording({"v": np.random.default_rng(1).normal(size=(3000, 4))}, 1e-3)
    recording.to_nwb(folder / "x.nwb")
    with pynwb.NWBHDF5IO(folder / "x.nwb", "a") as io:
        file = io.read()
        for k in range(5):
            file.add_trial(start_time=0.6 * k, stop_time=0.6 * k + 0.5)
        io.write(file)
    return folder / "x.nwb"


def test_report_is_one_page_and_replaces_nothing_unasked(recording_path, tmp_path):
    recording = Recording.load(recording_path, signals=["v"])
    discover.ConditionalGranger().fit(recording).connectome_.save(tmp_path / "e.nc")
    command = (
        "report",
        tmp_path / "e.nc",
        "--recording",
        recording_path,
        "--signal",
        "v",
        "--out",
        tmp_path / "r.html",
    )
    assert synfer(*command).exit_code == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "What was recorded" in page
    refused(synfer(*command), "exists", "--force")
    assert synfer(*command, "--force").exit_code == 0
