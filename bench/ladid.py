"""LaDID against what has the same encoder and decoder, at times that were never trained on.

    python bench/run.py ladid [--out build/ladid] [--system pendulum ...] [--train 200] [--test 100] [--seeds 3]
                              [--stage-epochs 5] [--epochs 200] [--patience 30] [--transfer 8 32] [--device cpu]
                              [--model LaDID "latent ODE" RNN] [--cached]

Realisations of a system, each with parameters of its own (`synfer.simulate`): 10 samples are the context, 50 follow.
What is tested on are other realisations, asked for at times half-way between those of the training: none was trained
on. "LaDID" asks its dynamics for a time; "latent ODE" (torchdiffeq, dopri5, tolerance 1e-3) and "RNN" (gated, a step a
sample, linear between) have everything else the same: encoder, decoder, static path, loss, curriculum, stopping, and
the anchor (what is missed of the context's last sample is carried on while it lasts).
"encode and decode" is LaDID that is shown the samples that it is asked for, ten at a time: what the autoencoder alone
costs. "copy last" is the context's last sample. Errors are sum |y - f|^2 / sum |y|^2 over realisations; intervals of
95 % by resampling of these (of the first seed's fit; seeds are fits and data sets anew).

Transfer: parameters outside the range trained on, n realisations to learn from (a fifth of which it is stopped by):
"encoding" leaves dynamics and decoder as they are, "all" goes on with everything, "scratch" begins anew on these n.

Fits and their errors are kept one by one in --out, and not done again; a fit that was broken off goes on.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import synfer as sf
from run import write_results
from synfer.errors import NotConvergedWarning

N_CONTEXT, N_SAMPLES = 10, 60
MODELS = {"LaDID": "query", "latent ODE": "ode", "RNN": "rnn"}
HORIZONS = (1, 10, 25, 49)

# A system, its sampling interval, and parameters outside the range that is trained on.
SYSTEMS = {
    "pendulum": (sf.simulate.pendulum_system, 0.05, {"length": (1.4, 1.7)}),
    "double_pendulum": (sf.simulate.double_pendulum_system, 0.03, {"lengths": ((1.05, 1.2), (1.05, 1.2))}),
    "reaction_diffusion": (sf.simulate.reaction_diffusion_system, 0.1, {"beta": (1.4, 1.7)}),
    "wave": (sf.simulate.wave_system, 0.02, {"speed": (1.4, 1.7)}),
    "lorenz96": (sf.simulate.lorenz96_system, 0.05, {"F": (9.5, 11.0)}),
}


def between(system: str, n: int, seed: int, **changed: object) -> sf.Trajectories:
    """Realisations whose contexts lie on the grid of the training, and what follows half-way between."""
    make, dt, _ = SYSTEMS[system]
    grid = dt * np.arange(N_SAMPLES - 1)
    return make(n, times=np.where(np.arange(N_SAMPLES - 1) < N_CONTEXT, grid, grid + dt / 2), seed=seed, **changed)


def model(dynamics: str, seed: int, arguments: argparse.Namespace, checkpoint: Path | None) -> sf.forecast.LaDID:
    return sf.forecast.LaDID(
        n_context=N_CONTEXT,
        dynamics=dynamics,
        stage_epochs=arguments.stage_epochs,
        max_epochs=arguments.epochs,
        patience=arguments.patience,
        random_state=seed,
        checkpoint=checkpoint,
        device=arguments.device,
    )


def errors(forecast: np.ndarray, truth: np.ndarray) -> dict[str, list[float]]:
    return {name: column.tolist() for name, column in sf.forecast.errors_by_horizon(forecast, truth).items()}


def seconds_a_query(fitted: sf.forecast.LaDID, contexts: sf.Trajectories, times: np.ndarray) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        fitted.predict(contexts, times)
        best = min(best, time.perf_counter() - start)
    return best


def dynamics_seconds(fitted: sf.forecast.LaDID, context: sf.Trajectories, times: np.ndarray) -> float:
    """Of the dynamics alone, for one realisation: no decoder, which costs all the same."""
    values = ((context.values[0] - fitted.offset_) / fitted.scale_).reshape(1, 1, context.lengths[0], -1)
    seen, since, asked = (
        torch.from_numpy(np.asarray(a, np.float32)).to(fitted.device)
        for a in (values, context.times[0][None, None], times[None, None])
    )
    best = float("inf")
    with torch.no_grad():
        psi, _ = fitted.model_.encode(seen, since)
        for _ in range(20):
            start = time.perf_counter()
            fitted.model_.dynamics(psi, asked).cpu()
            best = min(best, time.perf_counter() - start)
    return best


def fitted_model(
    system: str, name: str, seed: int, arguments: argparse.Namespace, training: sf.Trajectories
) -> tuple[sf.forecast.LaDID, float]:
    slug = f"{system}_{name.replace(' ', '_')}_{seed}"
    path, clock = arguments.out / f"{slug}.pt", arguments.out / f"{slug}.seconds"
    if path.exists():
        return sf.forecast.LaDID.load(path, device=arguments.device), float(clock.read_text())
    resumed = any(arguments.out.glob(f"{slug}.fit.stage*"))
    start = time.process_time() if arguments.device == "cpu" else time.perf_counter()
    fitted = model(MODELS[name], seed, arguments, arguments.out / f"{slug}.fit").fit(training)
    # Of the processor where that works alone. Of a fit that was broken off only the rest is known: then it is not said.
    spent = (time.process_time() if arguments.device == "cpu" else time.perf_counter()) - start
    spent = float("nan") if resumed else spent
    clock.write_text(str(spent))
    fitted.save(path)
    return fitted, spent


def measure(system: str, seed: int, arguments: argparse.Namespace) -> None:
    """Every model on one data set, kept as they are done."""
    make, dt, _ = SYSTEMS[system]
    training = make(arguments.train, N_SAMPLES, dt=dt, seed=2 * seed)
    held = between(system, arguments.test, 2 * seed + 1)
    contexts, asked = held.isel(time=slice(N_CONTEXT)), held.times[0][N_CONTEXT:]
    truth = held.isel(time=slice(N_CONTEXT, None)).to_array()
    for name in arguments.model:
        kept = arguments.out / f"{system}_{name.replace(' ', '_')}_{seed}.json"
        if kept.exists():
            continue
        fitted, spent = fitted_model(system, name, seed, arguments, training)
        row = {
            "system": system,
            "model": name,
            "seed": seed,
            "train": arguments.train,
            "test": arguments.test,
            "epochs": [histories[0].n_epochs for _, histories in getattr(fitted, "stages_", [])],
            "fit_seconds": spent,
            "predict_seconds": seconds_a_query(fitted, contexts[0], asked),
            "dynamics_seconds": dynamics_seconds(fitted, contexts[0], asked),
            "errors": errors(fitted.predict(contexts, asked), truth),
        }
        if name == "LaDID":
            made = np.stack(fitted.reconstruct(held.isel(time=slice(N_CONTEXT, None))))
            row["encode and decode"] = errors(made, truth)
            row["copy last"] = errors(sf.forecast.copy_last(contexts, len(asked)), truth)
        kept.write_text(json.dumps(row))


def transfer(system: str, seed: int, n: int, arguments: argparse.Namespace) -> None:
    """Other parameters, n realisations of them."""
    kept = arguments.out / f"{system}_transfer_{n}_{seed}.json"
    if kept.exists():
        return
    make, dt, changed = SYSTEMS[system]
    training = make(arguments.train, N_SAMPLES, dt=dt, seed=2 * seed)
    fitted, _ = fitted_model(system, "LaDID", seed, arguments, training)
    few = make(n, N_SAMPLES, dt=dt, seed=1_000 + 2 * seed, **changed)
    held = between(system, arguments.test, 1_001 + 2 * seed, **changed)
    contexts, asked = held.isel(time=slice(N_CONTEXT)), held.times[0][N_CONTEXT:]
    truth = held.isel(time=slice(N_CONTEXT, None)).to_array()
    row = {"system": system, "seed": seed, "n": n, "as it was": errors(fitted.predict(contexts, asked), truth)}
    for refit in ("encoding", "all"):
        moved = fitted.transfer(few, refit=refit, max_epochs=arguments.epochs)
        row[refit] = errors(moved.predict(contexts, asked), truth)
    scratch = model("query", seed, arguments, None).fit(few)
    row["scratch"] = errors(scratch.predict(contexts, asked), truth)
    kept.write_text(json.dumps(row))


def table(rows: list[dict]) -> pd.DataFrame:
    """Normalised errors by how many samples ahead, the mean over seeds, and the first seed's interval at the last."""
    made = []
    for (system, name), group in pd.DataFrame(rows).groupby(["system", "model"], sort=False):
        nmse = np.array([e["nmse"] for e in group.errors])
        first = group.errors.iloc[0]
        line: dict[str, object] = {"system": system, "model": name, "seeds": len(group)}
        line |= {f"nmse {h}": round(float(nmse[:, h - 1].mean()), 4) for h in HORIZONS}
        line["interval at the last"] = f"{first['low'][-1]:.4f} to {first['high'][-1]:.4f}"
        line["mean mse"] = float(f"{np.mean([e['mse'] for e in group.errors]):.3g}")
        for name_, factor, unit in (("fit", 1 / 60, "min"), ("predict", 1e3, "ms"), ("dynamics", 1e3, "ms")):
            value = group.get(f"{name_}_seconds", pd.Series(dtype=float)).mean()
            line[f"{name_}, {unit}"] = "" if np.isnan(value) else round(float(value) * factor, 2)
        made.append(line)
    return pd.DataFrame(made)


def by_time(rows: list[dict]) -> pd.DataFrame:
    """At how many of the times asked for LaDID is the best of the first seed's fits, or within the best's interval."""
    made = []
    for system, group in pd.DataFrame(rows).groupby("system", sort=False):
        first = group[(group.seed == group.seed.min()) & (group.model != "encode and decode")].set_index("model").errors
        nmse = np.array([e["nmse"] for e in first])
        best = nmse.argmin(0)
        high = np.array([e["high"] for e in first])[best, np.arange(nmse.shape[1])]
        ours = np.array(first["LaDID"]["nmse"])
        over = ours / nmse.min(0)
        line = {"system": system, "times": nmse.shape[1], "LaDID the best": int((over <= 1.0).sum())}
        line["or within its interval"] = int((ours <= high).sum())
        line["most over the best"] = round(float(over.max()) - 1.0, 3)
        rivals = {name: int((best == k).sum()) for k, name in enumerate(first.index) if name != "LaDID"}
        line["where another is"] = ", ".join(f"{name} {count}" for name, count in rivals.items() if count)
        made.append(line)
    return pd.DataFrame(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/ladid"))
    parser.add_argument("--system", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--model", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--test", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--stage-epochs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--patience", type=int, default=30)
    parser.add_argument("--transfer", type=int, nargs="*", default=[8, 32])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cached", action="store_true", help="table what is in --out, however little")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", NotConvergedWarning)  # epochs that a fit came to are in its file
    if not arguments.cached:
        for seed in range(arguments.seeds):
            for system in arguments.system:
                measure(system, seed, arguments)
                for n in arguments.transfer:
                    transfer(system, seed, n, arguments)
    rows, moved = [], []
    for system in arguments.system:
        for path in sorted(arguments.out.glob(f"{system}_*.json")):
            row = json.loads(path.read_text())
            if "model" not in row:
                moved.append(row)
                continue
            rows.append(row)
            for name in ("encode and decode", "copy last"):
                if name in row:
                    rows.append({"system": system, "model": name, "seed": row["seed"], "errors": row[name]})
    transfers = [
        {"system": row["system"], "realisations": row["n"], "seed": row["seed"], "model": name}
        | {f"nmse {h}": round(row[name]["nmse"][h - 1], 4) for h in HORIZONS}
        | {"interval at the last": f"{row[name]['low'][-1]:.4f} to {row[name]['high'][-1]:.4f}"}
        for row in moved
        for name in ("as it was", "encoding", "all", "scratch")
    ]
    sizes = sorted({(row["train"], row["test"]) for row in rows if "train" in row})
    about = f"{__doc__.split(chr(10) * 2, 1)[1]}\nRealisations learnt from and tested on: {sizes}."
    about += f" Epochs: {arguments.stage_epochs} at each shorter query, at most {arguments.epochs} at the full one."
    if rows:
        write_results("ladid", "LaDID and its rivals", about, table(rows), by_time(rows))
    if transfers:
        write_results("ladid_transfer", "LaDID moved to other parameters", about, pd.DataFrame(transfers))


if __name__ == "__main__":
    main()
