"""Tables of the DREAM challenges' gene networks: trajectories parted by empty lines, and lists of edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synfer.connectome import Connectome
from synfer.errors import FileError
from synfer.recording import Recording


def read_gene_network(table: Path, truth: Path, dataset: str) -> tuple[Recording, Connectome]:
    """Read a table of trajectories and the list of true edges.

    Parameters
    ----------
    table : Path
        Columns Time and one a gene, parted by tabs; trajectories parted by an empty line.
    truth : Path
        Rows source, target, 0 or 1, for every ordered pair of genes.
    dataset : str
        For the provenance.

    Raises
    ------
    FileError
        A file is missing or malformed; names it, and the row (from 1) at fault.
    """
    genes, trials = _read_trials(table)
    times = np.stack([trial[:, 0] for trial in trials])
    steps = np.diff(times, axis=1)
    if not (steps > 0).all() or np.ptp(steps) > 1e-6 * steps.max() or np.ptp(times[:, 0]) > 0:
        raise FileError(f"{table.name!r} in {str(table.parent)!r}: times must rise by one step, alike in every trial.")
    dt = float(steps[0, 0])
    provenance = {"dataset": dataset, "file": str(table)}
    recording = Recording(
        {"expression": np.stack([trial[:, 1:] for trial in trials])},
        dt,
        unit_ids=genes,
        t0=float(times[0, 0]),
        provenance=provenance,
    )
    return recording, Connectome(_read_truth(truth, genes), unit_ids=genes, dt=dt, provenance=provenance)


def _text(path: Path, what: str) -> list[str]:
    if not path.is_file():
        raise FileError(f"{str(path.parent)!r} lacks the file {path.name!r}, which holds the {what}.")
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"cannot read {str(path)!r}, the {what}: {error}.") from None


def _read_trials(path: Path) -> tuple[list[str], list[np.ndarray]]:
    """Names of the genes, and each trial (time, 1 + gene) with its times."""
    lines = _text(path, "trajectories (Time and genes)")
    where = f"{path.name!r} in {str(path.parent)!r}"
    header = [cell.strip().strip('"') for cell in lines[0].split("\t")] if lines else []
    if len(header) < 3 or header[0] != "Time":
        raise FileError(f"{where}, row 1: must name the columns, Time and two genes or more, parted by tabs.")
    trials: list[list[list[float]]] = [[]]
    for row, line in enumerate(lines[1:], start=2):
        if not line.strip():
            trials.append([])
            continue
        cells = line.split("\t")
        try:
            values = [float(cell) for cell in cells]
        except ValueError:
            raise FileError(f"{where}, row {row}: {line[:40]!r} holds a cell that is no number.") from None
        if len(values) != len(header) or not np.isfinite(values).all():
            raise FileError(f"{where}, row {row}: must hold {len(header)} finite numbers; it has {len(values)} cells.")
        trials[-1].append(values)
    kept = [np.array(trial) for trial in trials if trial]
    if not kept or len({len(trial) for trial in kept}) != 1 or len(kept[0]) < 2:
        lengths = sorted({len(trial) for trial in kept})
        raise FileError(f"{where}: every trial must have the same two samples or more; their lengths are {lengths}.")
    return header[1:], kept


def _read_truth(path: Path, genes: list[str]) -> np.ndarray:
    """Zeros and ones (target, source), NaN on the diagonal."""
    where = f"{path.name!r} in {str(path.parent)!r}"
    index = {gene: k for k, gene in enumerate(genes)}
    score = np.full((len(genes), len(genes)), np.nan)
    for row, line in enumerate(_text(path, "true edges (source, target, 0 or 1)"), start=1):
        if not line.strip():
            continue
        cells = line.split()
        if len(cells) != 3 or cells[0] not in index or cells[1] not in index or cells[2] not in ("0", "1"):
            raise FileError(f"{where}, row {row}: must hold two of the table's genes and 0 or 1; it is {line[:40]!r}.")
        if cells[0] == cells[1]:
            raise FileError(f"{where}, row {row}: a gene does not regulate itself here; it is {line[:40]!r}.")
        score[index[cells[1]], index[cells[0]]] = float(cells[2])
    missing = np.isnan(score) & ~np.eye(len(genes), dtype=bool)
    if missing.any():
        target, source = np.argwhere(missing)[0]
        raise FileError(f"{where} says nothing of {genes[source]} -> {genes[target]}; every ordered pair needs a row.")
    return score
