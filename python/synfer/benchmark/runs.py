"""Methods x networks to one table; each result is kept, so that a run that was broken off goes on."""

from __future__ import annotations

import dataclasses
import json
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synfer.benchmark.forecasts import forecast_of, forecast_r2, is_example, keep_example
from synfer.benchmark.methods import LEFT_TO_THE_RUN, Method, Methods, methods_of
from synfer.benchmark.suites import suite_of
from synfer.benchmark.task import Task
from synfer.errors import InputError, SynferError
from synfer.evaluate import compare, rejections
from synfer.machines import Meeting, carry_out
from synfer.sameness import told
from synfer.storage import StrPath, as_path, kind_of, version_of, written_whole

REJECTIONS = ("n_absent", "absent_rejected", "discoveries", "false_discoveries", "power")
COLUMNS = (
    "method", "set", "network", "auroc", "auprc", "prevalence", "auroc_undirected", "direction_accuracy",
    "sign_accuracy", "r2", "n_units", "n_edges", "n_one_way", *REJECTIONS, "converged", "seconds", "peak_mb",
    "settings", "error",
)  # fmt: skip
FIGURES = (
    "auroc",
    "auprc",
    "prevalence",
    "auroc_undirected",
    "direction_accuracy",
    "sign_accuracy",
    "n_units",
    "n_edges",
)


@dataclasses.dataclass(frozen=True)
class Work:
    """One fit that is to be done, or has been: a method on a task."""

    task: Task
    suite: str
    by: Method
    parameters: dict[str, Any]
    signal: str | None
    seed: int
    kept: Path

    @property
    def method(self) -> str:
        """The method's name in the table."""
        return self.by.name

    @property
    def key(self) -> dict[str, Any]:
        """What a kept result must have been made of to count for this work."""
        return {
            "suite": self.suite,
            "data": self.task.stamp,
            "settings": told(self.parameters),
            "signal": self.signal,
            "seed": self.seed,
            "version": version_of("synfer"),
            **self.by.key,
        }


def run(
    suite: str,
    methods: Methods,
    *,
    data: StrPath | None = None,
    simulate: int | None = None,
    sets: Sequence[str] | None = None,
    networks: Sequence[str] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    jobs: int = 1,
    seed: int = 0,
    out: StrPath,
    progress: bool = True,
) -> pd.DataFrame:
    """Fit methods to the networks of a suite, and hold each connectome against the truth.

    Parameters
    ----------
    suite : str
        One of `SUITES`.
    methods : sequence of str, or mapping of str to estimator
        Names of `synfer.discover.METHODS`; or under names of your own such a name, or a `BaseDiscoverer`, yours or
        synfer's, as an instance (with its parameters, not the suite's) or a class.
    data : path, optional
        Folder of the published files (or the one that holds it under the suite's name).
    simulate : int, optional
        Instead of these: so many fresh networks a set.
    sets : sequence of str, optional
        Only these sets.
    networks : sequence of str, optional
        Of each of them only the networks of these names, such as "seed0".
    settings : mapping of method to parameters, optional
        Above those of `synfer.benchmark.SETTINGS`.
    jobs : int
        Fits at a time, one thread each; with 1, a fit has all threads. Within `joblib.parallel_config` its backend is
        used (a Dask cluster, for instance).
    seed : int
        Of fresh networks, and ``random_state`` of methods that have one.
    out : path
        Folder for the results, made where it is missing: a file for each fit (and its connectome), written whole. A fit
        whose file and connectome are there, of the same data, settings and version, is not done again; of an estimator
        of yours the module that it is written in must be the same, to the letter, and be a file that can be
        read (after a change of it start Python anew). On a cluster, one that all machines share.
    progress : bool

    Returns
    -------
    pandas.DataFrame
        One row a fit, in the order of methods, sets and networks: method, set, network, AUROC, AUPRC, prevalence,
        undirected AUROC, direction and sign accuracy (NaN where there is no such figure); R2 of the forecast where the
        method has one, over the last fifth of the samples, mean over units (attention models have not learnt from
        these, others have; it is no measure of the connectome); units, edges, edges that go one way only, what
        `synfer.evaluate.rejections` counts at .05 where there are p-values, converged, seconds, peak memory added (MB;
        NaN where the system does not say), settings, error (of a fit that was refused).

    Raises
    ------
    UnknownNameError, InputError
        A name, a number or an estimator is none that can be used, or, for several jobs, cannot be pickled.
    FileError
        Data are missing, or ``out`` is another folder for a worker than it is here.

    Examples
    --------
    >>> import tempfile
    >>> from synfer import benchmark
    >>> from synfer.discover import ConditionalGranger
    >>> methods = {"one lag": ConditionalGranger(lag=1), "any lag": ConditionalGranger(), "mvgc": "mvgc"}
    >>> rows = benchmark.run("var", methods, simulate=1, sets=["num_nodes_10_true_lag_3"], out=tempfile.mkdtemp())
    >>> rows["method"].tolist()
    ['one lag', 'any lag', 'mvgc']
    """
    chosen = suite_of(suite)
    if isinstance(jobs, bool) or not isinstance(jobs, int | np.integer) or jobs < 1:
        raise InputError(f"jobs must be a whole number of at least 1; got {jobs!r}.")
    if simulate is not None and (
        isinstance(simulate, bool) or not isinstance(simulate, int | np.integer) or simulate < 1
    ):
        raise InputError(f"simulate must be a whole number of networks, at least 1; got {simulate!r}.")
    asked = methods_of(methods, int(jobs))
    _refuse_unused(settings, [method.name for method in asked])
    tasks = chosen.tasks(data, simulate, seed)
    tasks = _chosen(_chosen(tasks, "set", sets), "network", networks)
    for method in asked:
        for kind in dict.fromkeys(task.kind for task in tasks):
            method.made(method.parameters(suite, settings, kind))  # before the long work
    home = as_path(out, "out").absolute() / suite / ("published" if simulate is None else "simulated")

    works = [
        Work(
            task=task,
            suite=suite,
            by=method,
            parameters=method.parameters(suite, settings, task.kind),
            signal=method.signal(suite, task.kind),
            seed=int(seed),
            kept=home / method.name / task.set / f"{task.network}.json",
        )
        for method in asked
        for task in tasks
    ]
    rows = [_read(work) for work in works]
    carry_out(_measured, works, rows, home, jobs=jobs, title=suite, unit=" fits", progress=progress)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _refuse_unused(settings: Mapping[str, Any] | None, names: Sequence[str]) -> None:
    unused = set(settings or {}) - set(names)
    if unused:
        raise InputError(
            f"settings must be of the methods {', '.join(names)}; got some of {', '.join(sorted(unused))}."
        )


def _chosen(tasks: list[Task], kind: str, names: Sequence[str] | None) -> list[Task]:
    """The tasks whose set, or network, is among ``names``."""
    if names is None:
        return tasks
    known = dict.fromkeys(str(getattr(task, kind)) for task in tasks)
    for name in names:
        if name not in known:
            raise InputError(f"{kind}s must be among {', '.join(known)}; got {name!r}.")
    return [task for task in tasks if getattr(task, kind) in set(names)]


def _measured(work: Work, place: Meeting) -> dict[str, Any]:
    """Do one fit, keep its row, and give it."""
    place.join()
    work.kept.parent.mkdir(parents=True, exist_ok=True)
    row = _fit(work)
    with written_whole(work.kept) as draft:
        draft.write_text(json.dumps({"key": work.key, "row": row}))
    return row


def _read(work: Work) -> dict[str, Any] | None:
    """Give what was kept for the same work; None where there is nothing, or something else, or no connectome by it."""
    try:
        found = json.loads(work.kept.read_text())
        row = dict(found["row"])
        same = found["key"] == work.key and work.by.code is not None
        refused = row["error"] is not None and row["converged"] is None  # then there never was one
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return row if same and (refused or kind_of(work.kept.with_suffix(".nc")) == "connectome") else None


def _fit(work: Work) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"method": work.method, "set": work.task.set, "network": work.task.network}
    row["settings"] = repr(work.parameters)
    recording, truth = work.task.load()
    estimator = work.by.made(work.parameters)
    for name, value in zip(LEFT_TO_THE_RUN, (work.seed, False), strict=True):
        if name in estimator.get_params(deep=False) and name not in work.parameters:
            estimator.set_params(**{name: value})
    signal = work.signal or next(iter(recording.signal_names))
    memory = _Memory()
    begin = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whether it converged stands in its column
            found = estimator.fit(recording, signal).connectome_
    except SynferError as error:
        # A refusal is a result. Anything else is a bug, or the machine's: it is not kept, and ends the run.
        return row | {"error": f"{type(error).__name__}: {error}", "seconds": round(time.perf_counter() - begin, 3)}
    row |= {
        "seconds": round(time.perf_counter() - begin, 3),
        "peak_mb": memory.added_mb(),
        "converged": found.converged,
    }
    work.kept.unlink(missing_ok=True)  # the row of other work is not to stand by this connectome
    found.save(work.kept.with_suffix(".nc"))
    forecast = forecast_of(estimator, recording, signal)
    if forecast is not None:
        row["r2"] = forecast_r2(recording[signal], forecast)
    if is_example(work.suite, work.task):
        keep_example(work.kept, recording, signal, truth, forecast)
    try:
        figures = compare(found, truth)
    except InputError as error:
        return row | {"error": f"{type(error).__name__}: {error}"}
    edge = truth.to_matrix().score.values > 0
    one_way = edge & ~edge.T
    np.fill_diagonal(one_way, False)
    numbers = {name: figures[name] if isinstance(figures[name], int | float) else None for name in FIGURES}
    if found.pvalue is not None:
        counted = rejections(found, truth)
        numbers |= {name: counted[name] for name in REJECTIONS}
    return row | numbers | {"n_one_way": int(one_way.sum())}


class _Memory:
    """How far the process's memory rises from here (Linux; elsewhere nothing is said)."""

    def __init__(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is held
            self.start: float | None = self._peak()
        except OSError:
            self.start = None

    def added_mb(self) -> float | None:
        """Peak since then, less what was held then."""
        return None if self.start is None else round(max(self._peak() - self.start, 0.0), 1)

    @staticmethod
    def _peak() -> float:
        status = Path("/proc/self/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024.0
