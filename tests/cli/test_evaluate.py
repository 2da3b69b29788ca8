"""`synfer evaluate`, and what is said of a file that holds no estimate."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest

from synfer import Connectome, evaluate, simulate


class TestEvaluate:
    def test_prints_each_figure_against_a_network_or_a_connectome(self, synfer, network, estimate_path, tmp_path):
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

    def test_what_is_no_truth_is_refused(self, synfer, refused, recording_path, estimate_path, tmp_path):
        refused(synfer("evaluate", estimate_path, recording_path), "as a connectome", "holds a recording")
        refused(synfer("evaluate", estimate_path, tmp_path / "no.nc"), "no such file")
        np.save(tmp_path / "w.npy", np.eye(5))
        refused(synfer("evaluate", estimate_path, tmp_path / "w.npy"), "as a truth", "Connectome.from_weights(W).save(")
        refused(synfer("evaluate", recording_path, estimate_path), "holds a recording")
        refused(synfer("evaluate", tmp_path / "small.nc", estimate_path), "no such file")
        simulate.izhikevich_network(2, 1, 0.5).save(tmp_path / "small.nc")
        refused(synfer("evaluate", estimate_path, tmp_path / "small.nc"), "units", "only the estimate has 3, 4;")
        refused(synfer("evaluate", tmp_path / "small.nc", estimate_path), "holds a network")

    def test_one_that_changes_is_taken_as_it_was_at_a_time(self, synfer, refused, tmp_path):
        truth = np.random.default_rng(0).random((4, 4)).round()
        score = np.stack([1.0 - truth, truth, truth])
        Connectome(score, leading="time", leading_ids=[0.5, 1.0, 1.5]).save(tmp_path / "e.nc")
        Connectome(truth).save(tmp_path / "t.nc")
        for at, auroc in ((0.5, "0.0000"), (0.8, "1.0000"), (1.5, "1.0000")):
            result = synfer("evaluate", tmp_path / "e.nc", tmp_path / "t.nc", "--at", at)
            assert result.exit_code == 0, result.output
            assert auroc in next(line for line in result.stdout.splitlines() if line.startswith("auroc "))
        refused(synfer("evaluate", tmp_path / "e.nc", tmp_path / "t.nc"), "--at must be a time from 0.5 to 1.5 s")
        refused(synfer("evaluate", tmp_path / "e.nc", tmp_path / "t.nc", "--at", 2), "changes; got 2")
        refused(synfer("evaluate", tmp_path / "t.nc", tmp_path / "t.nc", "--at", 1), "holds one that does not")
        page = tmp_path / "r.html"
        assert synfer("report", tmp_path / "e.nc", "--at", 1, "--out", page).exit_code == 0 and page.exists()

    def test_units_are_matched_by_label_and_the_first_that_differ_are_named(self, synfer, refused, tmp_path):
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


class TestUnitsOfOtherLabels:
    """An NWB file's answer has the file's labels, a simulation's truth its own."""

    PAIRS = "truth,estimate\n0,u7\n2,u8\n3,u9\n"

    @pytest.fixture
    def files(self, network, tmp_path):
        score = np.random.default_rng(1).random((3, 3))
        estimate = Connectome(score, weight=score, unit_ids=["u9", "u7", "u8"], method="X")
        estimate.save(tmp_path / "e.nc")
        network.save(tmp_path / "n.nc")
        (tmp_path / "units.csv").write_text(self.PAIRS)
        return estimate, tmp_path / "e.nc", tmp_path / "n.nc", tmp_path / "units.csv"

    def test_are_matched_by_a_file_of_pairs(self, synfer, network, files, tmp_path):
        pytest.importorskip("plotly")
        estimate, found, truth, pairs = files
        result = synfer("evaluate", found, truth, "--units", pairs)
        assert result.exit_code == 0, result.output
        expected = evaluate.compare(estimate.rename([3, 0, 2]), network.connectome.sel([0, 2, 3]))
        assert f"auroc                {expected['auroc']:.4f}" in result.stdout
        assert "n_units              3" in result.stdout
        page = ("report", found, "--truth", truth, "--out", tmp_path / "r.html")
        assert synfer(*page, "--units", pairs).exit_code == 0
        text = (tmp_path / "r.html").read_text(encoding="utf-8")
        assert f"<tr><th>auroc</th><td>{expected['auroc']:.4g}</td></tr>" in text and "u9" in text

    def test_are_matched_by_position_where_that_is_asked_for(self, synfer, refused, network, files, tmp_path):
        _, found, truth, pairs = files
        network.connectome.sel([0, 2, 3]).save(tmp_path / "t.nc")
        result = synfer("evaluate", found, tmp_path / "t.nc", "--by-position")
        by_hand = evaluate.compare(files[0].rename([0, 2, 3]), network.connectome.sel([0, 2, 3]))
        assert f"auroc                {by_hand['auroc']:.4f}" in result.stdout
        refused(synfer("evaluate", found, truth, "--by-position"), "as many units as the truth, 5", "got 3", "--units")
        refused(synfer("evaluate", found, truth, "--by-position", "--units", pairs), "two ways to match units")

    def test_are_refused_where_nothing_says_how_they_match(self, synfer, refused, files, tmp_path):
        _, found, truth, pairs = files
        refused(synfer("evaluate", found, truth), "no label is in both", "--units or --by-position")
        refused(synfer("evaluate", found, truth, "--units", tmp_path / "no.csv"), "no.csv")
        pairs.write_text("u7,0\nu8,1\n")
        refused(synfer("evaluate", found, truth, "--units", pairs), "'u9' has none")
        for option in (("--units", pairs), ("--by-position",)):
            command = ("report", found, *option, "--out", tmp_path / "r.html")
            refused(synfer(*command), option[0], "says how units match those of --truth")
        assert not (tmp_path / "r.html").exists()


class TestARecordingWhereAnEstimateIsExpected:
    @pytest.mark.parametrize("command", ["report", "trust", "evaluate"])
    def test_is_refused_with_the_command_that_comes_first(
        self, synfer, refused, recording_path, estimate_path, tmp_path, command
    ):
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

    def test_damaged_files_and_folders_are_called_what_they_are(self, synfer, refused, estimate_path, tmp_path):
        (tmp_path / "half.nc").write_bytes(estimate_path.read_bytes()[:3000])
        refused(synfer("report", tmp_path / "half.nc"), "half-written, damaged")
        refused(synfer("report", tmp_path / "no.nwb"), "no such file")
        (tmp_path / "folder").mkdir()
        refused(synfer("report", tmp_path / "folder"), "give a benchmark's folder, OUT/SUITE, or the file of one")
