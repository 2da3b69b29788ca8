"""`synfer trust`, and its card on the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from synfer import Connectome, Recording
from synfer.discover import ConditionalGranger
from synfer.errors import ResolutionWarning
from synfer.simulate import run, var_coefficients, var_network
from synfer.trust import Card, assess

FEW = ("--set", "n_twins=1", "--set", "n_surrogates=1", "--set", "n_halves=1", "--set", "n_plantings=1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A connectome and its recording, of two signals of which the second was used."""
    home = tmp_path_factory.mktemp("trust")
    x = run(var_network(var_coefficients(5, 1, 0.3, seed=2)), 1.0, record="x", seed=2)
    recording = Recording({"other": x["x"][::-1].copy(), "x": x["x"]}, x.dt)
    recording.save(home / "recording.nc")
    ConditionalGranger(lag=1).fit(recording, "x").connectome_.save(home / "found.nc")
    return home / "found.nc", home / "recording.nc"


@pytest.mark.filterwarnings("default::synfer.errors.ResolutionWarning")
def test_writes_the_card_that_the_library_makes_and_the_page_shows_it(synfer, made, tmp_path):
    found, recording = made
    result = synfer("trust", found, "--recording", recording, "--out", tmp_path / "card.json", "--seed", 3, *FEW)
    assert result.exit_code == 0, result.output
    coarse = "The check on data without edges (twins) is coarse: of 20 pairs in 1 fit"
    assert f"synfer: warning: {coarse}" in result.stderr
    assert any(line.startswith(f"warning: {coarse}") for line in result.stdout.splitlines())
    card = Card.load(tmp_path / "card.json")
    few = {"n_twins": 1, "n_surrogates": 1, "n_halves": 1, "n_plantings": 1}
    with pytest.warns(ResolutionWarning):
        same = assess(Recording.load(recording), connectome=Connectome.load(found), random_state=3, **few)
    assert card.to_dict() == same.to_dict() and card.about["signal"] == "x"
    assert all(line in result.output for line in card.lines())
    page = tmp_path / "page.html"
    shown = ("--signal", "x", "--trust", tmp_path / "card.json", "--out", page)
    result = synfer("report", found, "--recording", recording, *shown)
    assert result.exit_code == 0, result.output
    assert "How far to trust it" in page.read_text(encoding="utf-8")
    other = run(var_network(var_coefficients(5, 1, 0.3, seed=2)), 1.0, record="x", seed=9)
    ConditionalGranger(lag=1).fit(other).connectome_.save(tmp_path / "other.nc")
    result = synfer("report", tmp_path / "other.nc", "--trust", tmp_path / "card.json", "--out", tmp_path / "no.html")
    assert result.exit_code == 2 and "got one of other scores or units" in result.stderr
    assert not (tmp_path / "no.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "n_twin=1"), ("parameter 'n_twin' does not exist", "n_twins")),
        (("--set", "recording=1"), ("parameter 'recording' does not exist",)),
        (("--set", "n_twins=-1"), ("n_twins must be a whole number",)),
        (("--out", "{found}"), ("exists", "--force")),
    ],
)
def test_refuses_in_one_line(synfer, made, tmp_path, arguments, words):
    found, recording = made
    before = found.read_bytes()
    given = [str(argument).format(found=found) for argument in arguments]
    out = () if "--out" in given else ("--out", tmp_path / "card.json")
    result = synfer("trust", found, "--recording", recording, *out, *given)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("synfer: error: ") and all(word in line for word in words)
    assert found.read_bytes() == before and not (tmp_path / "card.json").exists()


@pytest.mark.parametrize("command", ["trust", "report"])
@pytest.mark.parametrize("which", ["found", "recording"])
def test_what_is_read_is_not_replaced_even_by_force(synfer, made, command, which):
    found, recording = made
    path = {"found": found, "recording": recording}[which]
    before = path.read_bytes()
    result = synfer(command, found, "--recording", recording, "--out", path, "--force")
    assert result.exit_code == 2 and "--out must be another file than" in result.stderr
    assert path.read_bytes() == before
