"""What tests of the shell share: the command as it is typed, what a refusal looks like, and files to give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from synfer import Connectome, Network, cli, simulate


@pytest.fixture(scope="session")
def synfer() -> Callable[..., Result]:
    """The command: synfer("evaluate", path, ...)."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="session")
def refused() -> Callable[..., None]:
    """refused(result, "words", ...): one line on stderr that holds all the words, and no traceback."""

    def check(result: Result, *words: str, code: int = 2) -> None:
        assert result.exit_code == code, result.output
        lines = result.stderr.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith("synfer: error: "), result.stderr
        for word in words:
            assert word in lines[0]

    return check


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
