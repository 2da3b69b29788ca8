from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

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


def test_what_it_links_to_exists():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
        assert targets
        assert [target for target in targets if not (page.parent / target).exists()] == []
