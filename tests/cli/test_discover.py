"""`synfer discover` of one recording, in every form that it takes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from synfer import Connectome, Recording, datasets, discover, evaluate

CELL = "exc4_inh1_nodiag_withinp_rand/p4/inpvar5_S5_t5000/seed0"


class TestDiscover:
    def test_writes_what_the_estimator_finds(self, synfer, recording_path, tmp_path):
        result = synfer(
            *("discover", recording_path, "--method", "conditional_granger", "--signal", "v"),
            *("--set", "lag=2", "--set", "ridge=0.1", "--out", tmp_path / "e.nc"),
        )
        assert result.exit_code == 0, result.output
        recording = Recording.load(recording_path, signals=["v"])
        expected = discover.ConditionalGranger(lag=2, ridge=0.1).fit(recording).connectome_
        assert Connectome.load(tmp_path / "e.nc").identical(expected)

    @pytest.mark.parametrize("ridge", [0, 0.1])
    def test_coupling_within_a_sample_is_kept_and_counted(self, synfer, recording_path, tmp_path, ridge):
        common = ("discover", recording_path, "--signal", "v", "--method", "conditional_granger")
        common = (*common, "--set", "lag=1", "--set", f"ridge={ridge}")
        result = synfer(*common, "--set", "instantaneous=true", "--out", tmp_path / "e.nc")
        assert result.exit_code == 0, result.output
        fit = discover.ConditionalGranger(lag=1, ridge=ridge, instantaneous=True)
        expected = fit.fit(Recording.load(recording_path, signals=["v"])).instantaneous_
        assert Connectome.load(tmp_path / "e.nc").instantaneous.identical(expected)
        if ridge:
            assert "coupled within a sample: 10 pairs ranked, without p-values" in result.stdout
        else:
            n = len(expected.edges(alpha=0.05)) // 2
            assert f"coupled within a sample: {n} of 10 pairs (false discovery rate .05)" in result.stdout
        assert synfer("report", tmp_path / "e.nc", "--out", tmp_path / "r.html").exit_code == 0
        assert "<h2>Coupled within a sample</h2>" in (tmp_path / "r.html").read_text()
        assert "coupled" not in synfer(*common, "--out", tmp_path / "f.nc").stdout

    def test_seed_is_the_random_state_and_text_parameters_need_no_quotes(self, synfer, recording_path, tmp_path):
        for seed in (0, 5):
            common = ("discover", recording_path, "--signal", "v", "--seed", seed)
            assert synfer(*common, "--method", "cross_correlation", "--out", tmp_path / f"{seed}.nc").exit_code == 0
            assert Connectome.load(tmp_path / f"{seed}.nc").seed == seed
        granger = ("--method", "ConditionalGranger", "--set", "lag=aic", "--out", tmp_path / "g.nc")
        assert synfer(*common, *granger).exit_code == 0  # draws nothing: the seed is not for it
        assert Connectome.load(tmp_path / "g.nc").parameters["lag"] == "aic"

    def test_reads_a_published_folder(self, synfer, data_folder, tmp_path):
        folder = data_folder / "izhikevich" / CELL
        out = tmp_path / "e.nc"
        assert synfer("discover", folder, "--method", "cross_correlation", "--out", out).exit_code == 0
        recording, truth = datasets.load_izhikevich(folder)
        expected = discover.CrossCorrelation(random_state=0).fit(recording).connectome_
        assert Connectome.load(out).identical(expected)
        result = synfer("evaluate", out, folder)
        assert f"{evaluate.compare(expected, truth)['auroc']:.4f}" in result.stdout

    def test_reads_files_of_other_tools(self, synfer, refused, recording_path, tmp_path):
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

    def test_reads_a_span_of_time_of_any_recording(self, synfer, refused, recording_path, tmp_path):
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

    def test_a_list_of_spikes_lasts_as_long_as_is_said(self, synfer, refused, tmp_path):
        rng = np.random.default_rng(0)
        path = tmp_path / "s.csv"
        lines = [f"{t},{unit}" for unit in range(3) for t in np.sort(rng.random(200)) * 9.0]
        path.write_text("\n".join(lines))
        common = ("discover", path, "--method", "cross_correlation", "--dt", 0.01, "--out", tmp_path / "e.nc")
        result = synfer(*common, "--duration", 12)
        assert result.exit_code == 0, result.output
        expected = discover.CrossCorrelation(random_state=0).fit(Recording.from_csv(path, dt=0.01, duration=12.0))
        found = Connectome.load(tmp_path / "e.nc")
        assert found.identical(expected.connectome_) and found.provenance["given"]["samples"] == 1200
        page = ("report", tmp_path / "e.nc", "--recording", path, "--dt", 0.01, "--out", tmp_path / "r.html")
        refused(synfer(*page), "1 and 1200", "--duration")
        assert synfer(*page, "--duration", 12).exit_code == 0
        assert "read from s.csv, was given from 0 to 12 s" in (tmp_path / "r.html").read_text()
        other = (*common[:-1], tmp_path / "f.nc")
        refused(synfer(*other, "--duration", 5), "times must lie at or after t0 = 0 s and before the end, 5 s")
        refused(synfer(*other, "--duration", -5), "duration must be positive seconds")
        np.savez(tmp_path / "x.npz", v=rng.random((50, 3)))
        refused(synfer("discover", tmp_path / "x.npz", *other[2:], "--duration", 5), "duration is nothing to give")

    def test_unknown_names_are_refused_with_the_nearest(self, synfer, refused, recording_path, tmp_path):
        common = ("discover", recording_path, "--out", tmp_path / "e.nc")
        refused(synfer(*common, "--method", "conditional_grangr"), "'conditional_grangr'", "'conditional_granger'")
        granger = (*common, "--method", "conditional_granger", "--signal", "v")
        refused(synfer(*granger, "--set", "max_lags=3"), "'max_lags'", "'max_lag'")
        refused(synfer(*granger, "--set", "lag"), "KEY=VALUE", "'lag'")
        refused(synfer(*granger, "--set", "lag=bicc"), "lag", "'bicc'")
        refused(synfer(*granger, "--set", "lag={[]:1}"), "lag", "'{[]:1}'")
        refused(synfer(*granger[:-1], "spike"), "'spike'", "'spikes'")
        assert not (tmp_path / "e.nc").exists()

    def test_several_signals_need_a_choice(self, synfer, refused, recording_path, tmp_path):
        command = ("discover", recording_path, "--method", "conditional_granger", "--out", tmp_path / "e.nc")
        refused(synfer(*command), "signal", "'v'", "'spikes'")

    def test_unreadable_input_is_refused(self, synfer, refused, recording_path, tmp_path):
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

    def test_a_folder_with_a_missing_file_is_refused_by_its_name(self, synfer, refused, data_folder, tmp_path):
        folder = shutil.copytree(data_folder / "izhikevich" / CELL, tmp_path / "network")
        (folder / "v_normed_alltimes.txt").unlink()
        command = ("--method", "conditional_granger", "--out", tmp_path / "e.nc")
        refused(synfer("discover", folder, *command), "v_normed_alltimes.txt")

    def test_an_output_that_cannot_be_written_is_refused_before_the_work(
        self, synfer, refused, recording_path, tmp_path, monkeypatch
    ):
        def too_late(*_):
            raise AssertionError("the fit began")

        monkeypatch.setattr(discover.ConditionalGranger, "fit", too_late)
        command = ("discover", recording_path, "--method", "conditional_granger", "--signal", "v", "--out")
        refused(synfer(*command, tmp_path / "missing" / "e.nc"), "missing", "does not exist")
        refused(synfer(*command, "/dev/null/e.nc"), "/dev/null")
        refused(synfer(*command, tmp_path), "not a plain file")
