"""What is said of CUDA kernels: all of them, and nothing that has not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from synfer import cuda_kernels

ROOT = Path(__file__).parents[1]
NO_KERNELS = {"common/cuda/device.cu"}  # asks for devices
SAYING = ("README.md", "CHANGELOG.md", "docs/architecture.md")


def test_every_kernel_is_listed() -> None:
    there = {path.relative_to(ROOT / "csrc").as_posix() for path in (ROOT / "csrc").rglob("*.cu")} - NO_KERNELS
    assert there == set(cuda_kernels.KERNELS)
    assert set(cuda_kernels.RUN_ON) <= there


def test_what_has_run_is_told_from_what_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (cuda_kernels.NEVER_RUN in cuda_kernels.summary()) == (
        cuda_kernels.RUN_ON.keys() < cuda_kernels.KERNELS.keys()
    )
    monkeypatch.setattr(cuda_kernels, "RUN_ON", {"attention/cuda/forward.cu": ("NVIDIA H200",)})
    told = cuda_kernels.summary().split("; ")
    assert told[0] == "attention forward: run on NVIDIA H200"
    assert "attention backward" in told[1] and "attention forward" not in told[1]


@pytest.mark.parametrize("page", SAYING)
def test_documents_use_the_one_wording(page: str) -> None:
    text = " ".join((ROOT / page).read_text().split())
    assert (cuda_kernels.NEVER_RUN in text) == (cuda_kernels.RUN_ON.keys() < cuda_kernels.KERNELS.keys())
