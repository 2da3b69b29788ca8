"""What every test may use: the published data where they lie, and the reasons why a test is skipped."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib
import pytest

# As the command line does (synfer/cli.py): on a shared machine, threads that spin while they wait cost minutes.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
matplotlib.use("Agg")  # no test opens a window


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of the published data: ``$SYNFER_DATA``, or ``../shared/data`` beside the repository."""
    folder = Path(os.environ.get("SYNFER_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the published data are not at {folder}; set SYNFER_DATA to their folder")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked ``gpu`` where torch sees no CUDA device."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return  # torch takes a second to import: not for a run that has no use for it
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=f"torch {torch.__version__} sees no CUDA device"))
