"""The commands that look for connectomes: in recordings, and in those of which the truth is known."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synfer.cli.advice import on_the_shell
from synfer.cli.inputs import (
    Drop,
    Dt,
    Duration,
    Force,
    Series,
    Start,
    Time,
    TrialDuration,
    Trials,
    UnitsFirst,
    Variable,
    how_to_read,
    parsed,
    read_recording,
    refuse_existing,
    refuse_jobs,
    refuse_same_file,
    split,
    told_of,
)
from synfer.errors import InputError

if TYPE_CHECKING:
    from synfer.connectome import Connectome

Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Of a Dask cluster that is to do the fits, such as tcp://10.0.0.1:8786, or its scheduler's file.",
    ),
]


def _method_names() -> list[str]:
    from synfer.discover import METHODS

    return list(METHODS)


def discover(
    recording_paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT",
            help="A saved Recording (.nc), an NWB file, an array of MATLAB's (.mat) or numpy's (.npy, .npz), a CSV "
            "list of spikes, a file that Neo reads, or a published folder; or several of them.",
        ),
    ],
    method: Annotated[
        str, typer.Option(help="Name of the method; synfer info lists them.", autocompletion=_method_names)
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="File for the connectome (NetCDF); of several recordings a folder, where a run that was broken off "
            "goes on."
        ),
    ],
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A parameter of the method, such as max_lag=5; may be repeated. In Python "
            "help(synfer.discover.METHODS[NAME]) explains those of each.",
        ),
    ] = None,
    signal: Annotated[str | None, typer.Option(help="Which signal, where the recording holds several.")] = None,
    seed: Annotated[int, typer.Option(help="The random_state of a method that has one.")] = 0,
    dt: Dt = None,
    series: Series = None,
    variable: Variable = None,
    units_first: UnitsFirst = False,
    trials: Trials = None,
    trial_duration: TrialDuration = None,
    time: Time = None,
    duration: Duration = None,
    t0: Start = None,
    drop: Drop = None,
    jobs: Annotated[int, typer.Option(help="Of several recordings, fits at a time, one thread each.")] = 1,
    scheduler: Scheduler = None,
    force: Force = False,
) -> None:
    """Find who drives whom in a recording, or in each of many."""
    from synfer.discover import create

    refuse_jobs(jobs)
    parameters = dict(parsed(assignment) for assignment in assignments or [])
    estimator = create(method, **parameters)
    if "random_state" in estimator.get_params() and "random_state" not in parameters:
        estimator.set_params(random_state=seed)
    given = how_to_read(dt, series, variable, units_first, trials, trial_duration, time, duration, t0, drop)
    read = functools.partial(read_recording, signal=signal, **given)
    if len(recording_paths) > 1:
        _discover_many(method, estimator, recording_paths, out, signal, read, jobs, scheduler, force)
    else:
        if scheduler is not None or jobs != 1:
            raise InputError("--jobs and --scheduler are for several recordings, whose --out is a folder; got one.")
        _discover_one(method, estimator, recording_paths[0], out, signal, read, force)


def _discover_one(
    method: str, estimator: Any, path: Path, out: Path, signal: str | None, read: Callable[[Path], Any], force: bool
) -> None:
    from synfer.storage import written_whole

    refuse_same_file("--out", out, "INPUT", path)
    refuse_existing("--out", out, force)
    recording = read(path)
    typer.echo(f"read {told_of(path, recording)}")
    with written_whole(out) as draft:  # before the long work: it ends in a file, or does not begin
        begin = time.perf_counter()
        connectome = estimator.fit(recording, signal).connectome_
        seconds = time.perf_counter() - begin
        connectome.save(draft)
    typer.echo(f"{method}: {connectome.n_units} units in {seconds:.2f} s; wrote {out}")
    if connectome.instantaneous is not None:
        typer.echo(_coupled(connectome.instantaneous))


def _coupled(shared: Connectome) -> str:
    """How many pairs are coupled within a sample."""
    from synfer.connectome.table import each_pair_once

    n = shared.n_units * (shared.n_units - 1) // 2
    if shared.pvalue is None:
        return f"coupled within a sample: {n} pairs ranked, without p-values; synfer report shows them"
    coupled = len(each_pair_once(shared.edges(alpha=0.05), shared.unit_ids))
    return f"coupled within a sample: {coupled} of {n} pairs (false discovery rate .05); synfer report shows them"


def _discover_many(
    method: str, estimator: Any, paths: list[Path], out: Path, signal: str | None, read: Any, jobs: int,
    scheduler: str | None, force: bool,
) -> None:  # fmt: skip
    from synfer.discover import fit_files
    from synfer.machines import cluster

    with cluster(scheduler):
        rows = fit_files(estimator, paths, out=out, signal=signal, read=read, jobs=jobs, replace=force)
    refused = rows[rows["error"].notna()]
    for path, error in zip(refused["recording"], refused["error"], strict=True):
        told = " ".join(error.partition(": ")[2].split())  # without the name of its class
        typer.echo(f"synfer: error: {path}: {on_the_shell(told)}", err=True)
    found = "none was found" if len(refused) == len(rows) else f"{len(rows) - len(refused)} connectomes are in {out}"
    typer.echo(f"{method}: {len(rows)} recordings, {len(refused)} refused; {found}")
    if len(refused):
        raise typer.Exit(1)


def _suite_names() -> list[str]:
    from synfer.benchmark import SUITES

    return list(SUITES)


def benchmark(
    suite: Annotated[
        str,
        typer.Argument(
            metavar="SUITE",
            help="izhikevich, lorenz96, var, dream3, dream4, causaltime, netsim, spycon, calibration or robustness.",
            autocompletion=_suite_names,
        ),
    ],
    methods: Annotated[
        list[str],
        typer.Option(
            "--methods", help="Names of methods, parted by commas; may be repeated.", autocompletion=_method_names
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results; a run that was broken off goes on there.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the published files.")] = None,
    simulate: Annotated[
        int | None, typer.Option(help="Instead of published files: so many fresh networks a set.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--sets", help="Only these sets, parted by commas; where a name is none, all are named."),
    ] = None,
    networks: Annotated[
        list[str] | None, typer.Option("--networks", help="Only these networks of each set, such as seed0,seed1.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="METHOD.KEY=VALUE", help="A parameter of a method; may be repeated."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Fits at a time, one thread each; with 1 a fit has all threads.")] = 1,
    scheduler: Scheduler = None,
    seed: Annotated[int, typer.Option(help="Of fresh networks, and of methods that draw random numbers.")] = 0,
) -> None:
    """Hold methods against recordings whose connectome is known: one table, and a picture."""
    from synfer.benchmark import as_markdown, refusals, run, summary, write_results
    from synfer.machines import cluster

    refuse_jobs(jobs)
    settings: dict[str, dict[str, Any]] = {}
    for assignment in assignments or []:
        name, value = parsed(assignment)
        method, dot, key = name.partition(".")
        if not (dot and key):
            raise InputError(f"--set takes METHOD.KEY=VALUE, such as causalformer.n_init=3; got {assignment!r}.")
        settings.setdefault(method, {})[key] = value
    with cluster(scheduler):
        rows = run(
            suite,
            split(methods),
            data=data,
            simulate=simulate,
            sets=None if sets is None else split(sets),
            networks=None if networks is None else split(networks),
            settings=settings,
            jobs=jobs,
            seed=seed,
            out=out,
        )
    shown = ["method", "set", "networks", "failed", "auroc", "auprc", "direction_accuracy", "sign_accuracy"]
    shown += ["r2", "seconds"]
    typer.echo(as_markdown(summary(rows)[shown]))
    for line in refusals(rows):
        typer.echo(line)
    for path in write_results(rows, out / suite):
        typer.echo(f"wrote {path}")
    if rows["error"].notna().all():
        raise typer.Exit(1)


def write_index(folder: Path, out: Path) -> None:
    """Write the page of what a benchmark left in a folder."""
    from synfer.benchmark import summary
    from synfer.report import read_rows, write_index

    rows = read_rows(folder)
    write_index(out, rows, summary(rows), folder=folder, title=f"Benchmark {folder.absolute().name}")
    typer.echo(f"wrote {out}")
