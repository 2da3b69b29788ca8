"""The CUDA kernels without a device: compiled for the host (tests/csrc/emulation), in the place of torch's devices."""

from __future__ import annotations

import importlib.util
import subprocess
import sysconfig
from pathlib import Path
from types import ModuleType

import torch

from synfer.simulate.cuda import TorchCuda

ROOT = Path(__file__).parents[2]


def build(folder: Path, name: str = "emulated") -> ModuleType:
    """Compile a program of emulated kernels with g++ into a module and import it."""
    module = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    torchs = Path(torch.__file__).parent / "include"  # it brings pybind11's headers
    includes = [ROOT / "csrc", ROOT / "tests/csrc/emulation", torchs, sysconfig.get_path("include")]
    subprocess.run(
        ["g++", "-std=c++17", "-O1", "-mfma", "-mavx2", "-ffp-contract=off", "-fvisibility=hidden", "-shared", "-fPIC",
         "-w", "-DSYNFER_LEVEL=cuda", "-DSYNFER_CUDA",
         *(f"-I{path}" for path in includes), "-o", str(module), str(ROOT / f"tests/csrc/emulation/{name}.cpp")],
        check=True,
    )  # fmt: skip
    spec = importlib.util.spec_from_file_location(name, module)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


class Emulated(TorchCuda):
    """One device that is this machine."""

    def __init__(self, core: ModuleType, free: int = 10**9) -> None:
        self.core, self.free = core, free

    def n_devices(self) -> int:
        return 1

    def current(self) -> int:
        return 0

    def device(self, index: int) -> torch.device:
        return torch.device("cpu")

    def name(self, index: int) -> str:
        return "emulated"

    def free_bytes(self, index: int) -> int:
        return self.free

    def stream(self, index: int) -> int:
        return 0
