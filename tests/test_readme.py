from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import synfer
from synfer import evaluate, simulate
from synfer.discover import ConditionalGranger

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = ("pip install torch==2.13.0 . && synfer demo", "pip install torch==2.13.0 '.[test]' && pytest")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_holds_the_two_commands_each_once_and_by_itself(command):
    assert blocks("").count(f"{command}\n") == 1


def test_its_python_runs_as_it_stands(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ten_lines, *others = blocks("python")
    assert len([line for line in ten_lines.splitlines() if line.strip() and not line.startswith("#")]) <= 10
    exec(compile(ten_lines, "README.md", "exec"), {})
    assert others
    for example in others:
        exec(compile(example, "README.md", "exec"), {})
    plt.close("all")
    assert "auroc" in capsys.readouterr().out
    assert (tmp_path / "connectome.png").stat().st_size > 0


def test_the_simulators_page_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "simulator.md").read_text()
    names: dict = {}
    for example in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(compile(example, "simulator.md", "exec"), names)
    assert names["truth"].leading == "time"
    table = names["table"]
    assert [name for name in table.model[table.spiking].unique() if f"`{name}`" not in page] == []


PAGES = {path.name: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
SPANS = [(page, span) for page, text in PAGES.items() for span in re.findall(r"`((?:sf|synfer)\.[^`\n]+)`", text)]


@pytest.mark.parametrize(("page", "span"), SPANS)
def test_what_is_named_in_a_line_of_text_is_there(page, span):
    """A name is looked up; a call whose arguments are all written out is made."""
    assert len(SPANS) > 5
    chain = re.match(r"(?:sf|synfer)((?:\.\w+)*)", span)[1].split(".")[1:]
    functools.reduce(getattr, chain, synfer)
    if "(" in span:
        (call,) = (node for node in ast.walk(ast.parse(span)) if isinstance(node, ast.Call))
        given = [*call.args, *(word.value for word in call.keywords)]
        if all(isinstance(value, ast.Constant) and value.value is not ... for value in given):
            eval(span, {"sf": synfer, "synfer": synfer})


def test_its_rooms_are_there_before_anything_is_imported_for_them():
    named = ["network.Network", "recording.Recording", "connectome.Connectome", "trajectories.Trajectories"]
    named += ["io.save_checkpoint", "discover.significance.SurrogateTest"]
    code = "import synfer as sf; shown = set(dir(sf)); "
    code += "; ".join(f"sf.{name}" for name in named)
    code += "; assert shown >= {'network', 'Network', 'io', 'simulate'}, shown"
    code += "; assert not shown & {'Any', 'TYPE_CHECKING', '_NOUNS', 'importlib'}, shown"
    # each as the first of a session: importing one may bring others
    firsts = [f"import synfer as sf; sf.{name}" for name in ("network", "io")]
    for one in (code, *firsts):
        done = subprocess.run([sys.executable, "-c", one], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_raw_voltages_come_to_what_it_warns_of():
    network = simulate.izhikevich_network(n_exc=8, n_inh=2, p=0.4, seed=1)
    raw = simulate.run(network, duration=5.0, record=("v", "spikes"))
    found = [
        evaluate.compare(ConditionalGranger().fit(given, signal="v").connectome_, network.connectome)["auroc"]
        for given in (raw, simulate.observe.clip_and_zscore(raw))
    ]
    said = re.search(r"stays below an AUROC of (\.\d), clipped and z-scored it comes\s+above (\.\d)", README)
    assert said is not None
    assert found[0] < float(said[1]) < float(said[2]) < found[1]


def test_what_it_links_to_exists():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "simulator.md"):
        targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
        assert targets
        assert [target for target in targets if not (page.parent / target).exists()] == []
