"""D2CL against what asks for no known pair, and each of its towers alone.

    python bench/run.py d2cl [--out build/d2cl] [--part sem neural speed] [--kind linear nonlinear] [--p 100 500]
                             [--snr 0.1 ... 10] [--truth direct ancestral] [--hidden 0.0] [--seed 1 2 3] [--sources 0.2]
                             [--learn known pretrained told] [--towers both image graph]
                             [--rivals correlation lasso PC] [--systems 160] [--school-epochs 3]
                             [--networks 200] [--units 20] [--epochs 60] [--size light] [--device cpu]
                             [--image dependence] [--share 0.01] [--cached]

"sem": samples (500) of structural equations whose causes explain snr / (1 + snr) of each variable. Of a fifth of the
variables it is known what they act on (a fifth intervened on); all pairs among the others are asked for, so that what
is tested was never intervened on, nor is the reverse of what was learnt from. AUROC over these pairs, the mean over
seeds (systems, samples and fits anew), and the first seed's interval of 95 % by resampling sources. "correlation" is
|r|, "lasso" the coefficient of each variable's regression on all others with the penalty that BIC chooses. Neither
knows a pair, and what the towers alone know is what both know. "pretrained" ones know no pair of the system either:
they learnt from --systems others, made by the same generator from other seeds, of 30 to 300 variables, of both kinds,
of 1 to 3 causes a variable and snr .1 to 10. Of each they are told 75 edges, a fifth of their reverses, and three times
as many other pairs: a quarter of what is told are edges, so that their probabilities are too large. "told" ones are
pretrained, and go on learning from the known pairs of the system. "PC" is causal-learn's, at level .01. Above 100
variables the towers are asked for all edges and 10,000 of the other pairs, drawn at random, and correlation for the
same.

"neural": Izhikevich networks of --units, four fifths excitatory, spikes of 20 only, 60 s, unlike in density and weight;
D2CL learns from --networks of them (p in .2 to .35 and .45 to .6) and finds the connectomes of ten with p = .4, never
seen, off the diagonal. Beside it what needs no labels, each with its defaults (synformer as of spikes in the suite
"robustness"). Calibration: of the pairs that got a
probability in each tenth, the share that are edges.

"speed": minutes for the 2.2 million pairs of 1,500 variables, from a --share of them, and the peak memory. Where other
work shares the cores ("load"), what a pair takes of a core says more than the minutes.

Goals: above correlation, lasso and each tower alone at every snr >= .5, p = 100 and 500; p = 1,500 in at most 30
minutes on two cores within 4 GB by the light towers; neural AUROC above the best without labels.

Fits are kept one by one in --out, and not done again; one that was broken off goes on. No setting is chosen by what is
asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score

import synfer as sf
from d2cl_scores import auroc, calibration, interval, lasso
from d2cl_systems import N_SAMPLES, SEEN, drawn, hidden_of, lesson, some_of, spikes
from run import write_results
from synfer.benchmark.settings import settings_of
from synfer.discover.d2cl.labels import all_pairs
from synfer.discover.d2cl.pairs import Population
from synfer.errors import SynferWarning

SNRS = (0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 4.0, 6.0, 10.0)
TOWERS = {"D2CL": "both", "image tower": "image", "graph tower": "graph"}
RIVALS = ("correlation", "lasso", "PC")
MOST_PC = 100  # variables: its time grows fast
UNSUPERVISED: dict[str, dict[str, Any]] = {
    "cross_correlogram": {},
    "cross_correlation": {},
    "spike_glm": {},
    "conditional_granger": {},
    "synformer": settings_of("robustness", "synformer", None, "spikes") | {"random_state": 0, "progress": False},
}
UNSEEN = 10


def model(towers: str, seed: int, arguments: argparse.Namespace, slug: str, **changed: object) -> sf.discover.D2CL:
    about = {"towers": towers, "size": arguments.size, "device": arguments.device, "image": arguments.image}
    return sf.discover.D2CL(**(about | settings(seed, arguments, slug) | changed))


def settings(seed: int, arguments: argparse.Namespace, slug: str) -> dict[str, object]:
    """How a model learns from known pairs."""
    checkpoint = arguments.out / f"{slug}.part"
    return {"max_epochs": arguments.epochs, "checkpoint": checkpoint, "random_state": seed}


def learns(method: str) -> bool:
    """Say whether a row is of D2CL."""
    return method.removeprefix("pretrained ").removeprefix("told ") in TOWERS


def asked_towers(arguments: argparse.Namespace) -> dict[str, str]:
    return {method: towers for method, towers in TOWERS.items() if towers in arguments.towers}


def kept(path: Path, make: Callable[[], dict]) -> dict:
    """Give what is in a file; where there is none, make it."""
    if not path.exists():
        path.write_text(json.dumps(make()))
    return dict(json.loads(path.read_text()))


def schooled(towers: str, truth: str, arguments: argparse.Namespace) -> sf.discover.D2CL:
    """Learn from systems of other seeds, or read what was learnt."""
    of = f"{arguments.image}_{arguments.size}_{arguments.school_epochs}"
    slug = f"school_{'_'.join(arguments.kind)}_{truth}_{arguments.hidden}_{arguments.systems}_{of}_{towers}"
    path = arguments.out / f"{slug}.pt"
    if not path.exists():
        slower = {"batch_size": 128, "learning_rate": 1e-3, "max_epochs": arguments.school_epochs, "patience": 6}
        lessons = (lesson(k, arguments, truth) for k in range(arguments.systems))
        model(towers, 0, arguments, slug).set_params(**slower).pretrain(lessons).save(path)
    return sf.discover.D2CL.load(path, device=arguments.device)


def sem(kind: str, p: int, snr: float, truth: str, seed: int, arguments: argparse.Namespace) -> None:
    system = sf.simulate.structural_equations(p, kind=kind, snr=snr, n_hidden=hidden_of(p, arguments), seed=seed)
    x = system.sample(N_SAMPLES, seed=seed + 1)
    edge = getattr(system, truth).score.to_numpy() > 0
    order = np.random.default_rng([seed, 2]).permutation(p)
    n_told = max(5, round(arguments.sources * p))
    told, asked = order[:n_told], order[n_told:]
    pairs = {
        flag: [(int(s), int(t)) for s in told for t in range(p) if s != t and edge[t, s] == flag]
        for flag in (True, False)
    }
    about = {"kind": kind, "p": p, "snr": snr, "truth": truth, "seed": seed, "told": n_told, "hidden": arguments.hidden}
    slug = f"sem_{kind}_{p}_{snr}_{truth}_{arguments.hidden}_{seed}_among"  # without it: rows of all pairs out of them

    def row(method: str, find: Callable[[], np.ndarray]) -> None:
        def make() -> dict:
            start = time.perf_counter()
            score = find()
            figures = {"auroc": auroc(score, edge, asked), "interval": interval(score, edge, asked)}
            if learns(method):
                among = np.ix_(asked, asked)
                said = np.isfinite(score[among])
                figures["calibration"] = calibration(score[among][said], edge[among][said])
            return about | {"method": method, **figures, "seconds": time.perf_counter() - start}

        taught = f"{arguments.image}_{arguments.size}_{arguments.systems}_{arguments.school_epochs}"
        of = f"_{taught}" if learns(method) else ""
        kept(arguments.out / f"{slug}_{method.replace(' ', '_')}{of}.json", make)

    some = some_of(edge, asked, seed) if p > MOST_PC else all_pairs(p)
    mask = np.full((p, p), np.nan)
    mask[some[:, 1], some[:, 0]] = 0.0
    if "correlation" in arguments.rivals:
        row("correlation", lambda: np.abs(np.corrcoef(x.T)) + mask)
    if "lasso" in arguments.rivals:
        row("lasso", lambda: lasso(x) + mask)
    if "PC" in arguments.rivals and p <= MOST_PC and find_spec("causallearn"):
        row("PC", lambda: scores_of(sf.discover.PC().fit(x)))
    known = {"known_edges": pairs[True], "known_non_edges": pairs[False]}
    for method, towers in asked_towers(arguments).items():
        if "pretrained" in arguments.learn:
            row(
                f"pretrained {method}",
                lambda towers=towers: scores_of_some(schooled(towers, truth, arguments), x, some),
            )
        if "told" in arguments.learn:
            slug_told = f"{slug}_told_{towers}"
            row(
                f"told {method}",
                lambda towers=towers, slug_told=slug_told: scores_of(
                    schooled(towers, truth, arguments)
                    .set_params(**settings(seed, arguments, slug_told), split="source")
                    .fit(x, **known)
                ),
            )
        if "known" in arguments.learn:
            row(
                method,
                lambda towers=towers: scores_of(
                    model(towers, seed, arguments, f"{slug}_{towers}", split="source").fit(x, **known)
                ),
            )


def neural(seed: int, arguments: argparse.Namespace) -> None:
    unseen = [spikes(0.4, 5.0, 10_000 * seed + k, arguments.units) for k in range(UNSEEN)]
    edges = [truth.score.to_numpy() > 0 for _, truth in unseen]
    pairs = ~np.eye(20, dtype=bool)

    def row(method: str, find: Callable[[], list[np.ndarray]]) -> None:
        def make() -> dict:
            start = time.perf_counter()
            scores = find()
            each = [float(roc_auc_score(e[pairs], s[pairs])) for e, s in zip(edges, scores, strict=True)]
            flat = np.concatenate([s[pairs] for s in scores])
            said = np.concatenate([e[pairs] for e in edges])
            curve = calibration(flat, said) if method in TOWERS else None
            about = {"method": method, "units": arguments.units, "seed": seed, "networks": arguments.networks}
            return about | {"auroc": each, "calibration": curve, "seconds": time.perf_counter() - start}

        kept(arguments.out / f"neural_{arguments.units}_{seed}_drawn_{method.replace(' ', '_')}.json", make)

    for method, about in UNSUPERVISED.items():
        row(method, lambda m=method, a=about: [scores_of(sf.discover.create(m, **a).fit(x)) for x, _ in unseen])

    def supervised(towers: str) -> list[np.ndarray]:
        networks = []
        for k in range(arguments.networks):
            p, weight = drawn(seed, k)
            networks.append(spikes(p, weight, 10_000 * seed + 1_000 + k, arguments.units))
        slug = f"neural_{arguments.units}_{seed}_drawn_{towers}"
        fitted = model(towers, seed, arguments, slug, image="correlogram", lags=(1, 2, 4))
        fitted.set_params(learning_rate=1e-3).pretrain(networks)
        fitted.save(arguments.out / f"{slug}.pt")
        return [scores_of(fitted.fit(x)) for x, _ in unseen]

    for method, towers in asked_towers(arguments).items():
        row(method, lambda towers=towers: supervised(towers))


def scores_of_some(learnt: sf.discover.D2CL, x: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Apply a pretrained model to some pairs, as `fit` does to all; give (target, source), NaN elsewhere."""
    before = learnt._pretrained
    score = np.full((x.shape[1],) * 2, np.nan)
    population = Population([x], learnt._view(before), np.arange(x.shape[1]))
    score[pairs[:, 1], pairs[:, 0]] = learnt._probabilities(before.model, population, pairs)
    return score


def scores_of(fitted: sf.discover.BaseDiscoverer) -> np.ndarray:
    return np.asarray(fitted.connectome_.score.to_numpy(), dtype=float)


def speed(arguments: argparse.Namespace) -> None:
    def make() -> dict:
        p = 1_500
        x = sf.simulate.structural_equations(p, seed=0).sample(N_SAMPLES, seed=1)
        known = {"known_edges": [(0, 1), (2, 3)], "known_non_edges": [(4, 5), (6, 7)]}
        small = model("both", 0, arguments, "speed").set_params(checkpoint=None, max_epochs=1, validation_fraction=0.5)
        small.fit(x[:, :20], **known)
        start = time.perf_counter()
        population = Population([x], small._view(), np.arange(p))
        laid = time.perf_counter() - start
        pairs = all_pairs(p)
        n_scored = round(arguments.share * len(pairs))
        first = (len(pairs) - n_scored) // 2  # in the order in which `fit` takes them
        pairs = pairs[first : first + n_scored]
        start, used = time.perf_counter(), time.process_time()
        small._probabilities(small.trained_.model, population, pairs)
        each, core = (
            (now - then) / len(pairs) for now, then in ((time.perf_counter(), start), (time.process_time(), used))
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        minutes = (laid + each * p * (p - 1)) / 60
        return {
            "size": arguments.size,
            "device": arguments.device,
            "threads": torch.get_num_threads(),
            "p": p,
            "pairs scored": n_scored,
            "us a pair": round(1e6 * each, 1),
            "us of a core": round(1e6 * core, 1),
            "minutes for all": round(minutes, 2),
            "peak GiB": round(peak, 2),
            "load": round(os.getloadavg()[0], 1),
        }

    kept(arguments.out / f"speed_{arguments.size}_{arguments.device}_{torch.get_num_threads()}.json", make)


def sem_table(rows: list[dict]) -> pd.DataFrame:
    made = []
    for key, group in pd.DataFrame(rows).groupby(["kind", "p", "truth", "hidden", "snr", "method"], sort=False):
        line = dict(zip(("kind", "p", "truth", "hidden", "snr", "method"), key, strict=True))
        low, high = group.interval.iloc[0]
        line |= {"seeds": len(group), "auroc": round(float(group.auroc.mean()), 4)}
        line |= {"interval": f"{low:.3f} to {high:.3f}", "seconds": round(float(group.seconds.mean()), 1)}
        made.append(line)
    return pd.DataFrame(made)


def neural_table(rows: list[dict]) -> pd.DataFrame:
    made = []
    for (units, method), group in pd.DataFrame(rows).groupby(["units", "method"], sort=False):
        each = np.concatenate(group.auroc.to_list())
        error = each.std(ddof=1) / np.sqrt(len(each))
        line = {"units": units, "method": method, "networks": len(each), "auroc": round(float(each.mean()), 4)}
        line |= {"standard error": round(float(error), 4), "seconds": round(float(group.seconds.mean()), 1)}
        if method in TOWERS:
            curve = group.calibration.iloc[0]
            line["edges among p in [0, .1), [.1, .2), ..."] = " ".join(
                "-" if s is None else f"{s:.2f}" for _, _, s in curve
            )
        made.append(line)
    return pd.DataFrame(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/d2cl"))
    parser.add_argument("--part", nargs="+", default=["sem", "neural", "speed"], choices=["sem", "neural", "speed"])
    parser.add_argument("--kind", nargs="+", default=["linear", "nonlinear"])
    parser.add_argument("--p", nargs="+", type=int, default=[100, 500])
    parser.add_argument("--snr", nargs="+", type=float, default=list(SNRS))
    parser.add_argument("--truth", nargs="+", default=["direct"])
    parser.add_argument("--hidden", type=float, default=0.0)
    parser.add_argument("--seed", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--sources", type=float, default=0.2)
    parser.add_argument("--learn", nargs="+", default=["known", "pretrained"], choices=["known", "pretrained", "told"])
    parser.add_argument("--towers", nargs="+", default=list(TOWERS.values()), choices=list(TOWERS.values()))
    parser.add_argument("--rivals", nargs="*", default=list(RIVALS), choices=RIVALS)
    parser.add_argument("--systems", type=int, default=160)
    parser.add_argument("--school-epochs", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--units", type=int, default=SEEN)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--size", default="light")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--image", default="dependence", choices=["density", "dependence"])
    parser.add_argument("--cached", action="store_true", help="table what is in --out, however little")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", SynferWarning)
    warnings.simplefilter("ignore", ConvergenceWarning)
    if not arguments.cached:
        for seed in arguments.seed:
            if "sem" in arguments.part:
                for p in arguments.p:
                    for kind in arguments.kind:
                        for truth in arguments.truth:
                            for snr in arguments.snr:
                                sem(kind, p, snr, truth, seed, arguments)
            if "neural" in arguments.part:
                neural(seed, arguments)
        if "speed" in arguments.part:
            speed(arguments)
    about = __doc__.split("\n\n", 1)[1]
    for part, table in (("sem", sem_table), ("neural", neural_table), ("speed", pd.DataFrame)):
        rows = [json.loads(path.read_text()) for path in sorted(arguments.out.glob(f"{part}_*.json"))]
        if rows and part in arguments.part:
            name = "d2cl" if part == "sem" else f"d2cl_{part}"
            write_results(
                name if arguments.size == "light" else f"{name}_published", f"D2CL: {part}", about, table(rows)
            )


if __name__ == "__main__":
    main()
