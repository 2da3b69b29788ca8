"""The command line. It reads arguments, calls the library and prints; whatever else happens is done elsewhere.

Heavy imports stand inside the commands, so that help waits for none of them. Exit codes: 0 done; 2 the arguments or the
input cannot be used; 1 the work itself failed; 130 Ctrl-C; 143 and 129 it was stopped from outside (SIGTERM, SIGHUP).
"""

from __future__ import annotations

import os
import platform
import warnings
from pathlib import Path
from typing import Annotated, Any

# Threads that wait in a loop starve those that work: with another program on one of two cores, a step of training takes
# four times as long. OpenMP reads this when it is loaded, so it stands before all else; what the user has set stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import typer
from typer.core import TyperGroup

from synfer.cli import finding
from synfer.cli.advice import on_the_shell
from synfer.cli.estimates import At, read_at, read_estimate
from synfer.cli.inputs import (
    ByPosition,
    Drop,
    Dt,
    Duration,
    Force,
    Series,
    Start,
    Time,
    TrialDuration,
    Trials,
    Units,
    UnitsFirst,
    Variable,
    how_to_read,
    read_matched_truth,
    read_recording,
    refuse_existing,
    refuse_given,
    refuse_jobs,
    refuse_replacing,
    refuse_same_file,
    settings_of,
)
from synfer.cli.stopping import INTERRUPTED, stopped_in_order
from synfer.errors import FileError, InputError, SynferError, SynferWarning


class _Commands(TyperGroup):
    """Commands whose refusals and warnings are one line each on stderr."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        with warnings.catch_warnings():
            show = warnings.showwarning

            def say(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
                if issubclass(category, SynferWarning):
                    _say_on_stderr("warning", message)
                else:
                    show(message, category, *where, **more)

            warnings.showwarning = say
            try:
                with stopped_in_order():
                    return super().invoke(ctx)
            except SynferError as error:
                _say_on_stderr("error", error)
                raise typer.Exit(2 if isinstance(error, (InputError, FileError)) else 1) from None
            except KeyboardInterrupt:
                typer.echo("synfer: stopped", err=True)
                raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback here is a bug of ours: whole and plain, to be reported
    help="Who drives whom in a population of neurons, from its activity alone.",
    epilog="Start with: synfer demo",
)


def _tell_version(asked: bool) -> None:
    if asked:
        from synfer.storage import version_of

        typer.echo(f"synfer {version_of('synfer')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", help="Say which version this is, and end.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """Who drives whom in a population of neurons, from its activity alone."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for what is made; created where it is missing.")] = Path("demo"),
    force: Force = False,
) -> None:
    """Simulate a small network, let three methods look for its connectome, and show how near they came."""
    from synfer.demo import files, run

    for name in files():
        refuse_existing("--out", out / name, force)
    run(out, say=typer.echo)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="File for the recording (NetCDF).")] = Path("recording.nc"),
    network_out: Annotated[
        Path | None,
        typer.Option(
            "--network", help="File for the network and its true wiring; by default NAME.network.nc by --out."
        ),
    ] = None,
    n_exc: Annotated[int, typer.Option("--exc", help="Excitatory neurons.")] = 8,
    n_inh: Annotated[int, typer.Option("--inh", help="Inhibitory neurons.")] = 2,
    p: Annotated[float, typer.Option(help="Probability of an edge from one neuron to another.")] = 0.4,
    weight: Annotated[float, typer.Option(help="Magnitude of every weight, in mV/ms acting for one step.")] = 5.0,
    duration: Annotated[float, typer.Option(help="Seconds.")] = 5.0,
    dt: Annotated[float, typer.Option(help="Step in seconds.")] = 1e-3,
    record: Annotated[
        list[str] | None, typer.Option(help="v (where none is given), u, spikes or drive; may be repeated.")
    ] = None,
    prepared: Annotated[
        bool,
        typer.Option(
            "--clip-and-zscore", help="Keep v alone, clipped at 30 mV and z-scored: what the methods are to be given."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of wiring and noise: the same seed gives the same recording.")] = 0,
    force: Force = False,
) -> None:
    """Simulate a random network of spiking neurons, as Lu et al. (2023) made theirs."""
    from synfer.simulate import izhikevich_network, observe, run
    from synfer.storage import written_whole

    if prepared and record and "v" not in record:
        raise InputError(
            f"--clip-and-zscore prepares v, which {' '.join(f'--record {name}' for name in record)} does not keep: add "
            "--record v, or leave out --clip-and-zscore."
        )
    network_out = out.with_suffix(".network.nc") if network_out is None else network_out
    refuse_same_file("--network", network_out, "--out", out)
    refuse_existing("--out", out, force)
    refuse_existing("--network", network_out, force)
    with written_whole(out) as recording_draft, written_whole(network_out) as network_draft:
        network = izhikevich_network(n_exc, n_inh, p, weight=weight, seed=seed)
        recording = run(network, duration, dt, record=record or ["v"], seed=seed)
        if prepared:
            recording = observe.clip_and_zscore(recording)
        recording.save(recording_draft)
        network.save(network_draft)
    typer.echo(recording)
    typer.echo(f"wrote {out} and {network_out}")


app.command()(finding.discover)
app.command()(finding.benchmark)


@app.command()
def evaluate(
    estimate: Annotated[Path, typer.Argument(metavar="ESTIMATE", help="A saved Connectome.")],
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH", help="A saved Connectome or Network, or a published folder.")
    ],
    units: Units = None,
    by_position: ByPosition = False,
    omit_unscored: Annotated[
        bool,
        typer.Option("--omit-unscored", help="Leave out pairs that the estimate gives no score, and count the others."),
    ] = False,
    at: At = None,
) -> None:
    """Hold an estimated connectome against the true one; units are matched by their labels."""
    from synfer.evaluate import compare

    found = read_at(estimate, at)
    unscored = "omit" if omit_unscored else "refuse"
    figures = compare(found, read_matched_truth(truth, found, units, by_position), unscored=unscored)
    for name, value in figures.items():
        typer.echo(f"{name:<20} {value:.4f}" if isinstance(value, float) else f"{name:<20} {value}")


@app.command()
def report(
    estimate: Annotated[
        Path,
        typer.Argument(
            metavar="CONNECTOME", help="A saved Connectome; or a benchmark's folder, OUT/SUITE, for a page of its fits."
        ),
    ],
    out: Annotated[Path, typer.Option(help="File for the page (HTML).")] = Path("report.html"),
    recording_path: Annotated[
        Path | None, typer.Option("--recording", help="What it was found from, in any form that discover reads.")
    ] = None,
    signal: Annotated[str | None, typer.Option(help="Which signal, where the recording holds several.")] = None,
    truth: Annotated[
        Path | None, typer.Option(help="A saved Connectome or Network, or a published folder, to hold it against.")
    ] = None,
    units: Units = None,
    by_position: ByPosition = False,
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
    trust_path: Annotated[
        Path | None, typer.Option("--trust", help="Its trust card, as synfer trust wrote it.")
    ] = None,
    at: At = None,
    force: Force = False,
) -> None:
    """Write one page about a connectome, to read in any browser and to send: it needs no network."""
    from synfer.report import write

    refuse_existing("--out", out, force)
    given = how_to_read(dt, series, variable, units_first, trials, trial_duration, time, duration, t0, drop)
    of_recording, of_truth = {"signal": signal, **given}, {"units": units, "by-position": by_position or None}
    if estimate.is_dir():
        page_of_one = {"recording": recording_path, "truth": truth, "trust": trust_path, "at": at}
        refuse_given(
            page_of_one | of_recording | of_truth, f"is for the page of one connectome; {estimate} is a folder"
        )
        finding.write_index(estimate, out)
        return
    if recording_path is None:
        refuse_given(of_recording, "says how --recording is to be read; give it")
    if truth is None:
        refuse_given(of_truth, "says how units match those of --truth; give it")
    others = {"CONNECTOME": estimate, "--recording": recording_path, "--truth": truth, "--trust": trust_path}
    refuse_replacing("--out", out, others | {"--units": units})
    found = read_at(estimate, at)
    recording = None if recording_path is None else read_recording(recording_path, signal, **given)
    card = None
    if trust_path is not None:
        from synfer.trust import Card

        card = Card.load(trust_path)
    known = None if truth is None else read_matched_truth(truth, found, units, by_position)
    write(out, found, recording, signal=signal, truth=known, card=card)
    typer.echo(f"wrote {out}")


@app.command()
def trust(
    estimate: Annotated[Path, typer.Argument(metavar="RUN", help="A saved Connectome, as synfer discover wrote it.")],
    recording_path: Annotated[
        Path, typer.Option("--recording", help="What it was found from, in any form that discover reads.")
    ],
    out: Annotated[Path, typer.Option(help="File for the card (JSON); synfer report --trust shows it.")] = Path(
        "trust.json"
    ),
    signal: Annotated[str | None, typer.Option(help="Which signal; by default the one it was found from.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the card, such as n_twins=8; may be repeated."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder in which each fit is kept: a card that was broken off goes on.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Fits at a time.")] = 1,
    seed: Annotated[int, typer.Option(help="Of all that the card draws.")] = 0,
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
    force: Force = False,
) -> None:
    """Say how far a connectome can be trusted: what its method says where the truth is known, and what follows.

    Some 25 fits: give --cache where one takes long.
    """
    from synfer.storage import written_whole
    from synfer.trust import assess

    refuse_jobs(jobs)
    refuse_existing("--out", out, force)
    refuse_replacing("--out", out, {"RUN": estimate, "--recording": recording_path})
    found = read_estimate(estimate)
    fitted_to = found.provenance.get("given")
    if signal is None and isinstance(fitted_to, dict):
        signal = fitted_to.get("signal")
    given = how_to_read(dt, series, variable, units_first, trials, trial_duration, time, duration, t0, drop)
    recording = read_recording(recording_path, signal, **given)
    settings = settings_of(assignments, assess, "trust")
    with written_whole(out) as draft:  # before the long work
        card = assess(
            recording, connectome=found, signal=signal, cache=cache, n_jobs=jobs, random_state=seed, **settings
        )
        card.save(draft)
    for line in card.lines():
        typer.echo(line)
    typer.echo(f"wrote {out}")


@app.command()
def info() -> None:
    """Say what is installed, what the compiled core was built with, and what of the machine is seen."""
    import torch

    from synfer import _core, cuda_kernels
    from synfer.discover import METHODS
    from synfer.storage import version_of

    levels = ", ".join(_core.instruction_levels())
    seen = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
    for name, value in {
        "synfer": version_of("synfer"),
        "python": platform.python_version(),
        **{package: version_of(package) for package in ("torch", "numpy", "scikit-learn", "xarray")},
        "methods": ", ".join(METHODS),
        "neuron models": ", ".join([*_core.models(), *_core.rate_models()]),
        "instruction level": f"{_core.instruction_level()} (this build and processor have {levels})",
        "CUDA": _cuda_seen(_core.cuda_built, _core.cuda_devices()),
        "kernels on CUDA": cuda_kernels.summary() if _core.cuda_built else "not built",
        "threads": f"{torch.get_num_threads()} of {os.cpu_count()} processors (set OMP_NUM_THREADS to change it)",
        "devices seen": ", ".join(["cpu", *seen]) + " (torch computes on them by device=)" * bool(seen),
    }.items():
        typer.echo(f"{name:<18} {value}")


def _cuda_seen(built: bool, devices: list[str]) -> str:
    if not built:
        return "not built (the compiled core was built where no nvcc works)"
    return f"built; {', '.join(devices) if devices else 'no device here'}"


def _say_on_stderr(what: str, message: object) -> None:
    typer.echo(f"synfer: {what}: {on_the_shell(' '.join(str(message).split()))}", err=True)
