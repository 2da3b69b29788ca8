"""What methods are held against: suites of recordings whose connectome is known, published or simulated anew."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from synfer import datasets
from synfer.benchmark import simulated
from synfer.benchmark.calibration import calibration
from synfer.benchmark.robustness import robustness
from synfer.benchmark.task import Pair, Task
from synfer.errors import FileError, InputError, UnknownNameError
from synfer.recording import Recording
from synfer.storage import StrPath, as_path


@dataclasses.dataclass(frozen=True)
class Suite:
    """A kind of system.

    Attributes
    ----------
    name, about : str
    published : callable or None
        From the folder of the data to tasks.
    simulated : callable or None
        From a number of networks a set, and a seed, to tasks.
    """

    name: str
    about: str
    published: Callable[[Path], list[Task]] | None = None
    simulated: Callable[[int, int], list[Task]] | None = None

    def tasks(self, data: StrPath | None, simulate: int | None, seed: int) -> list[Task]:
        """Give the tasks of the published files, or of so many fresh networks a set.

        Raises
        ------
        InputError
            Neither or both are asked for, or the suite has no such networks.
        FileError
            The folder is missing, or holds none of the suite's files.
        """
        if (data is None) == (simulate is None):
            raise InputError(
                "give either data (a folder of published files; on the shell --data) or simulate (fresh networks a "
                "set; on the shell --simulate), one of them."
            )
        if simulate is not None:
            if self.simulated is None:
                raise InputError(f"suite {self.name!r} has published files only: give their folder as data (--data).")
            return self.simulated(simulate, seed)
        if self.published is None:
            raise InputError(f"suite {self.name!r} has no published files: give simulate (--simulate), networks a set.")
        home = as_path(data, "data")
        if not home.is_dir():
            raise FileError(f"data must be a folder; {str(home)!r} is none.")
        home = home.absolute()  # workers may stand elsewhere
        inner = home / self.name
        found = self.published(inner if inner.is_dir() else home)
        if not found:
            raise FileError(f"data: {str(data)!r} holds no files of suite {self.name!r}.")
        return found


def _stamp(*paths: Path) -> str:
    """Digest of the files, or of all in the folders: the same for any copy of the same data."""
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _natural(path: Path) -> list[Any]:
    """Sort key in which 10 comes after 9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(path))]


def _files(home: Path, pattern: str, load: Callable[[Path], Pair], name: str) -> list[Task]:
    """Tasks of files whose name matches ``name``, a pattern with groups "set" and "network"."""
    tasks = []
    for path in sorted(home.glob(pattern), key=_natural):
        match = re.fullmatch(name, path.relative_to(home).as_posix())
        if match:
            tasks.append(
                Task(match["set"].replace("/", "_"), match["network"], functools.partial(load, path), _stamp(path))
            )
    return tasks


def _load_izhikevich(folder: Path) -> Pair:
    """Prepared voltages, and the spikes, of a published network."""
    recording, truth = datasets.load_izhikevich(folder)
    raw = datasets.load_izhikevich_raw(folder)
    signals = {"v": recording["v"], "spikes": raw["spikes"]}
    return Recording(signals, recording.dt, units_of_measure={"v": "z"}, provenance=recording.provenance), truth


def _izhikevich(home: Path) -> list[Task]:
    pattern = r"(?P<set>exc\d+_inh\d+)_nodiag_withinp_rand/(?P<p>p\d+)/[^/]+/(?P<network>seed\d+)"
    tasks = []
    for path in sorted(home.glob("*/*/*/seed*"), key=_natural):
        match = re.fullmatch(pattern, path.relative_to(home).as_posix())
        if match:
            load = functools.partial(_load_izhikevich, path)
            tasks.append(Task(f"{match['set']}_{match['p']}", match["network"], load, _stamp(path)))
    return sorted(tasks, key=lambda task: _natural(Path(task.set)))


def _load_pooled(paths: Sequence[Path]) -> Pair:
    """All subjects as trials of one recording: they have one and the same network."""
    pairs = [datasets.load_netsim(path) for path in paths]
    (name,) = pairs[0][0].signal_names
    for path, (_, truth) in zip(paths, pairs, strict=True):
        if not np.array_equal(truth.score, pairs[0][1].score, equal_nan=True):
            raise FileError(f"{path.name!r}: its network is not that of {paths[0].name!r}, they cannot be pooled.")
    signals = {name: np.stack([np.asarray(recording[name]) for recording, _ in pairs])}
    return Recording(signals, pairs[0][0].dt, leading="trial"), pairs[0][1]


def _netsim(home: Path) -> list[Task]:
    tasks = _files(home, "*.npz", datasets.load_netsim, r"(?P<set>sim\d+)_(?P<network>subject_\d+)\.npz")
    for name in dict.fromkeys(task.set for task in tasks):
        paths = sorted(home.glob(f"{name}_subject_*.npz"), key=_natural)
        tasks.append(
            Task(f"{name}_pooled", f"{len(paths)}_subjects", functools.partial(_load_pooled, paths), _stamp(*paths))
        )
    return tasks


RELAXATION = 11  # samples in which a trajectory comes to rest, of 21


def _load_dream3(path: Path) -> Pair:
    """Trajectories as they relax after their perturbation: smoothed a little within each, the first half.

    What comes after is at rest, and only noise; and noise in the unit's own past hides what others do to it.
    """
    recording, truth = datasets.load_dream3(path)
    x = np.asarray(recording["expression"])
    padded = np.concatenate([x[:, :1], x, x[:, -1:]], axis=1)
    smooth = 0.25 * padded[:, :-2] + 0.5 * x + 0.25 * padded[:, 2:]
    signals = {"expression": np.ascontiguousarray(smooth[:, :RELAXATION])}
    return Recording(signals, recording.dt, unit_ids=recording.unit_ids, leading="trial"), truth


def _dream3(home: Path) -> list[Task]:
    return _files(home, "*.tsv", _load_dream3, r"(?P<set>dream3_\d+)_(?P<network>\d+)\.tsv")


def _dream4(home: Path) -> list[Task]:
    """Tables wherever they lie below; gold standards come in another archive, and so in another folder."""
    gold = {path.name: path for path in sorted(home.rglob("*.tsv"), reverse=True)}
    tasks = []
    for path in sorted(home.rglob("insilico_size*_timeseries.tsv"), key=_natural):
        match = datasets.dream4.TABLE.fullmatch(path.name)
        if match:
            names = datasets.dream4.gold_standards(path)
            truth = next((gold[name] for name in names if name in gold), None)
            if truth is None:
                raise FileError(
                    f"{str(home)!r} lacks the true edges of {path.name!r}, {' or '.join(map(repr, names))}."
                )
            load = functools.partial(datasets.load_dream4, path, truth)
            tasks.append(Task(f"size{match['size']}", f"network_{match['number']}", load, _stamp(path, truth)))
    return tasks


def _causaltime(home: Path) -> list[Task]:
    return [
        Task(path.parent.name, "1", functools.partial(datasets.load_causaltime, path.parent), _stamp(path.parent))
        for path in sorted(home.rglob("gen_data.npy"))
    ]


def _lorenz96(home: Path) -> list[Task]:
    return _files(home, "*.npz", datasets.load_lorenz96, r"(?P<set>F_\d+_T_\d+)_dataset_(?P<network>\d+)\.npz")


def _var(home: Path) -> list[Task]:
    name = r"(?P<set>num_nodes_\d+/true_lag_\d+)/[^/]+/(?P<network>seed_\d+)"
    return _files(home, "*/*/*/seed_*", datasets.load_var, name)


def _spycon(home: Path) -> list[Task]:
    return _files(home, "*.npz", datasets.load_spycon, r"(?P<set>sim)(?P<network>.+)\.npz")


SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("izhikevich", "spiking networks of Lu et al. 2023, 5 s of voltage", _izhikevich, simulated.izhikevich),
        Suite("lorenz96", "Lorenz-96, ten units", _lorenz96, simulated.lorenz96),
        Suite("var", "vector autoregressions of 10 to 100 units", _var, simulated.var),
        Suite("dream3", "gene networks of 10 to 100 genes, smoothed relaxations after perturbations", _dream3),
        Suite("dream4", "gene networks of 10 and 100 genes, from your own copy of the challenge's files", _dream4),
        Suite("causaltime", "realistic series of 20 to 36 nodes, from your own copy of CausalTime", _causaltime),
        Suite("netsim", "BOLD of 15 regions, slower than what it shows; single subjects and all as one", _netsim),
        Suite("calibration", "networks with and without edges, for p-values", simulated=calibration),
        Suite(
            "robustness", "ten conditions harder than the paper's: less seen, or made otherwise", simulated=robustness
        ),
        Suite("spycon", "half an hour of spikes of 20 cells", _spycon),
    )
}
"""The suites by name."""


def suite_of(name: Any) -> Suite:
    """Give the suite of that name.

    Raises
    ------
    UnknownNameError
        There is none.
    """
    if not isinstance(name, str) or name not in SUITES:
        raise UnknownNameError.of("suite", str(name), SUITES)
    return SUITES[name]
