"""The demonstration: a small simulated network, three methods, one table, one picture. `synfer demo` calls it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synfer import plot
from synfer.connectome import Connectome
from synfer.discover import create
from synfer.errors import FileError
from synfer.evaluate import compare
from synfer.network import Network
from synfer.plot import style
from synfer.recording import Recording
from synfer.simulate import izhikevich_network, observe
from synfer.simulate import run as simulate
from synfer.storage import StrPath, written_whole

# A network and a recording of the paper's kind (Lu et al. 2023: N = 5 to 40, 4 excitatory to 1 inhibitory, 5 s).
N_EXC, N_INH, P, DURATION, SEED = 4, 1, 0.4, 5.0, 0
# Chosen for time: all of it is to end within 120 s on two cores, and Causalformer takes nearly all of that; its cost
# grows with the numbers of neurons and of initialisations. The paper averages ten initialisations, trained in batches
# of 16 at a rate of 5e-4 until ten epochs bring no gain; with fewer and shorter ones its scores are noisier.
METHODS: dict[str, dict[str, Any]] = {
    "cross_correlation": {"random_state": SEED},
    "conditional_granger": {},
    "causalformer": {
        "n_init": 4,
        "batch_size": 64,
        "learning_rate": 2e-3,
        "patience": 3,
        "random_state": SEED,
    },
}
_SHOWN = 0.6  # seconds of the recording in the picture


def files(methods: Iterable[str] = METHODS) -> list[str]:
    """Names of the files that `run` writes."""
    made = ("recording", "observed", "network", "truth", *methods)
    return [*(f"{name}.nc" for name in made), "table.csv", "demo.png"]


def run(
    out: StrPath,
    *,
    duration: float = DURATION,
    methods: Mapping[str, Mapping[str, Any]] = METHODS,
    say: Callable[[str], Any] = print,
) -> pd.DataFrame:
    """Simulate a network, look for its connectome by each method, and write and tell how near each came.

    Parameters
    ----------
    out : str or path
        Folder, created where it is missing, for ``recording.nc`` (what was simulated), ``observed.nc`` (what the
        methods were given: v clipped and z-scored), ``network.nc``, ``truth.nc``, one ``METHOD.nc`` for each estimate,
        ``table.csv`` and ``demo.png`` (see `files`). Files of these names are replaced.
    duration : float
        Of the recording, in seconds.
    methods : mapping of str to mapping
        Name and parameters of each method.
    say : callable
        What to do with each line of text.

    Returns
    -------
    pandas.DataFrame
        A row a method; AUROC, AUPRC, sign accuracy (`synfer.evaluate.compare`'s) and seconds of the fit.

    Raises
    ------
    FileError
        The folder cannot be made or written; known before the work begins.
    """
    folder = _made(Path(out))
    with written_whole(folder / "demo.png") as picture:  # so that the folder is known to be writable
        network = izhikevich_network(N_EXC, N_INH, P, seed=SEED)
        truth = network.connectome
        recording = simulate(network, duration, record=("v", "spikes"), seed=SEED)
        observed = observe.clip_and_zscore(recording)
        network.save(folder / "network.nc")
        truth.save(folder / "truth.nc")
        recording.save(folder / "recording.nc")
        observed.save(folder / "observed.nc")
        say(_what_is_done(network, duration, methods))

        estimates: dict[str, Connectome] = {}
        rows = {}
        for name, parameters in methods.items():
            begin = time.perf_counter()
            estimates[name] = create(name, **parameters).fit(observed).connectome_
            seconds = time.perf_counter() - begin
            estimates[name].save(folder / f"{name}.nc")
            figures = compare(estimates[name], truth)
            rows[name] = [figures["auroc"], figures["auprc"], figures["sign_accuracy"], seconds]
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["AUROC", "AUPRC", "sign accuracy", "seconds"])
        table.index.name = "method"
        with written_whole(folder / "table.csv") as draft:
            table.to_csv(draft)
        draw(recording, truth, estimates).savefig(picture, format="png", dpi=150)
    say(_written_out(table))
    say(f"\nchance: AUROC 0.50, AUPRC {figures['prevalence']:.2f} (the share of pairs that are edges)")
    say(f"wrote {folder}: recording, network, truth, estimates and demo.png")
    return table


def draw(recording: Recording, truth: Connectome, estimates: Mapping[str, Connectome]) -> Figure:
    """Draw what was recorded, the truth and the estimates beside it, and their ROC curves.

    Parameters
    ----------
    recording : Recording
        Holds ``v`` and ``spikes``, (time, unit).
    truth : Connectome
        With weights; their sign tells excitatory from inhibitory units by colour.
    estimates : mapping of str to Connectome
        Name of each method and what it found.
    """
    figure = Figure(figsize=(12, 7.2), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.1, 1.0), squeeze=False)[:, 0]
    spikes, voltage, roc = above.subplots(1, 3, width_ratios=(1.15, 1.15, 1.0))
    colours = _unit_colours(truth)
    span = recording.isel(time=slice(-round(_SHOWN / recording.dt), None))
    plot.raster(span, ax=spikes, unit_colours=colours)
    plot.traces(span, "v", ax=voltage, ceiling=30.0, unit_colours=colours)
    voltage.set_ylabel("")
    readable = {name.replace("_", " "): estimate for name, estimate in estimates.items()}
    plot.roc(readable, truth, ax=roc)
    plot.heat_maps({"truth": truth, **readable}, axes=below.subplots(1, 1 + len(estimates)).tolist())
    titles = {spikes: "spikes (red excitatory, blue inhibitory)", voltage: "membrane potential", roc: "ROC"}
    for ax, title in titles.items():
        ax.set_title(title, fontsize=11, color=style.INK)
    return figure


def _what_is_done(network: Network, duration: float, methods: Mapping[str, Mapping[str, Any]]) -> str:
    chosen = [f"{name} ({_listed(parameters)})" if parameters else name for name, parameters in methods.items()]
    return (
        f"network: {N_EXC} excitatory and {N_INH} inhibitory Izhikevich neurons, an edge from one to another with "
        f"probability {P:g}, {duration:g} s\n"
        f"methods: {', '.join(chosen)}\n"
        "The network and the number of initialisations are chosen for time, to end within two minutes on two cores."
    )


def _listed(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in parameters.items())


def _written_out(table: pd.DataFrame) -> str:
    """Lay the table out; a figure that does not exist says why in its place."""
    written = table.map(lambda value: value if isinstance(value, str) else f"{value:.2f}")
    return "\n" + written.rename_axis(None).rename_axis("method", axis="columns").to_string()


def _unit_colours(truth: Connectome) -> list[str]:
    assert truth.weight is not None
    return [style.INHIBITORY if out < 0 else style.EXCITATORY for out in truth.weight.sum("target").values]


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot make the folder {str(folder)!r}: {error.strerror}; choose another.") from error
    return folder
