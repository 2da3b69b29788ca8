"""Sets that a user brings: files written here in the layouts of DREAM4 and CausalTime."""

import numpy as np
import pytest

from synfer.benchmark import SUITES, run
from synfer.datasets import load_causaltime, load_dream4
from synfer.discover import ConditionalGranger
from synfer.errors import FileError, InputError

GENES = ["G1", "G2", "G3"]
TRIALS = np.random.default_rng(0).uniform(size=(5, 21, 3)).round(7)
TRUE = {("G1", "G2"), ("G3", "G2")}


def write_dream4(folder, number=1, gold_folder=None, gold=None):
    """As the challenge's archive: quoted names, an empty line after the header and between trajectories."""
    folder.mkdir(parents=True, exist_ok=True)
    text = '"Time"\t' + "\t".join(f'"{gene}"' for gene in GENES) + "\n"
    for trial in TRIALS:
        text += "\n" + "".join(f"{50 * k}\t" + "\t".join(map(repr, row)) + "\n" for k, row in enumerate(trial.tolist()))
    table = folder / f"insilico_size3_{number}_timeseries.tsv"
    table.write_text(text)
    pairs = [(a, b) for a in GENES for b in GENES if a != b]
    pairs.sort(key=lambda pair: pair not in TRUE)  # edges first, as published
    place = folder if gold_folder is None else gold_folder
    place.mkdir(parents=True, exist_ok=True)
    name = f"DREAM4_GoldStandard_InSilico_Size3_{number}.tsv" if gold is None else gold
    (place / name).write_text("".join(f"{a}\t{b}\t{int((a, b) in TRUE)}\n" for a, b in pairs))
    return table


def write_causaltime(folder, residuals=True, n_samples=6):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n_samples, 40, 8 if residuals else 4)).astype(np.float32)
    x[:, 1:, 1] += 2.0 * x[:, :-1, 0]
    graph = np.eye(4)
    graph[1, 0] = 1.0
    np.save(folder / "gen_data.npy", x)
    np.save(folder / "graph.npy", graph)
    return x


def test_dream4_trajectories_are_trials_and_the_list_is_turned(tmp_path):
    recording, truth = load_dream4(write_dream4(tmp_path))
    assert (recording.leading, recording.dt) == ("trial", 50.0)
    np.testing.assert_array_equal(recording["expression"], TRIALS)
    assert recording.unit_ids.tolist() == GENES
    assert set(truth.to_networkx().edges) == TRUE
    segments = ConditionalGranger(lag=1, ridge=1.0)._read(recording, None, reset=True).segments
    assert [s.shape for s in segments] == [(21, 3)] * 5


def test_dream4_truth_is_found_under_either_name_or_given(tmp_path):
    other = write_dream4(tmp_path / "other", gold="insilico_size3_1_goldstandard.tsv")
    assert set(load_dream4(other)[1].to_networkx().edges) == TRUE
    apart = write_dream4(tmp_path / "table", gold_folder=tmp_path / "gold")
    with pytest.raises(FileError, match=r"lacks the true edges .* 'DREAM4_GoldStandard_InSilico_Size3_1.tsv' or"):
        load_dream4(apart)
    assert load_dream4(apart, tmp_path / "gold" / "DREAM4_GoldStandard_InSilico_Size3_1.tsv")[1].n_units == 3


def test_dream4_faults_are_named(tmp_path):
    table = write_dream4(tmp_path)
    renamed = table.rename(tmp_path / "mine.tsv")
    with pytest.raises(FileError, match=r"'mine\.tsv' .* must be named as the challenge names its tables"):
        load_dream4(renamed)
    table = write_dream4(tmp_path)
    gold = tmp_path / "DREAM4_GoldStandard_InSilico_Size3_1.tsv"
    gold.write_text(gold.read_text().rsplit("\n", 2)[0] + "\n")
    with pytest.raises(FileError, match="every ordered pair needs a row"):
        load_dream4(table)
    table.write_text(table.read_text().replace("\n50\t", "\n60\t"))
    with pytest.raises(FileError, match="times must rise by one step"):
        load_dream4(table)


@pytest.mark.parametrize("residuals", [True, False])
def test_causaltime_samples_are_trials_and_residuals_are_kept_back(tmp_path, residuals):
    x = write_causaltime(tmp_path / "pm25", residuals)
    recording, truth = load_causaltime(tmp_path / "pm25")
    assert recording.leading == "trial"
    np.testing.assert_array_equal(recording["x"], x[:, :, :4].astype(np.float64))
    assert list(truth.to_networkx().edges) == [(0, 1)]  # row = target
    assert np.isnan(np.diag(truth.score)).all()
    found = ConditionalGranger(lag=1).fit(recording).connectome_
    assert found.edges()[["source", "target"]].values[0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("graph.npy", np.ones((3, 4)), r"must be square, .* it has shape \(3, 4\)"),
        ("graph.npy", np.full((4, 4), 0.5), "must hold zeros and ones"),
        ("graph.npy", np.ones((3, 3)), "must hold the graph's 3 nodes, or 6 with their residuals; it holds 8"),
        ("gen_data.npy", np.ones((40, 8)), "must have shape"),
        ("gen_data.npy", np.full((6, 40, 8), np.nan), "must hold finite numbers"),
        ("gen_data.npy", None, "lacks the file 'gen_data.npy'"),
        ("graph.npy", None, "lacks the file 'graph.npy'"),
    ],
)
def test_causaltime_faults_are_named(tmp_path, name, array, message):
    write_causaltime(tmp_path)
    (tmp_path / name).unlink()
    if array is not None:
        np.save(tmp_path / name, array)
    with pytest.raises(FileError, match=message):
        load_causaltime(tmp_path)


def test_both_are_suites_of_the_benchmark(tmp_path):
    for number in (1, 2, 10):
        write_dream4(tmp_path / "dream4" / f"insilico_{number}", number, gold_folder=tmp_path / "dream4" / "gold")
    write_causaltime(tmp_path / "causaltime" / "pm25")
    write_causaltime(tmp_path / "causaltime" / "traffic")
    rows = run("dream4", ["cross_correlation"], data=tmp_path, out=tmp_path / "out", progress=False)
    assert rows["network"].tolist() == ["network_1", "network_2", "network_10"]
    assert rows["error"].isna().all() and rows["auroc"].notna().all()
    rows = run("causaltime", ["conditional_granger"], data=tmp_path, out=tmp_path / "out", progress=False)
    assert rows["set"].tolist() == ["pm25", "traffic"]
    assert (rows["auroc"] == 1.0).all()


def test_a_suite_without_its_files_says_so(tmp_path):
    for name in ("dream4", "causaltime"):
        with pytest.raises(FileError, match=f"holds no files of suite '{name}'"):
            SUITES[name].tasks(tmp_path, None, 0)
        with pytest.raises(InputError, match="has published files only"):
            SUITES[name].tasks(None, 3, 0)
    write_dream4(tmp_path / "table", gold_folder=tmp_path.parent / "elsewhere")
    with pytest.raises(FileError, match=r"lacks the true edges of 'insilico_size3_1_timeseries\.tsv'"):
        SUITES["dream4"].tasks(tmp_path, None, 0)
