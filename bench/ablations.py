"""Synformer with each of its ingredients taken away in turn, on fresh networks.

    python bench/run.py ablations [--out build/ablations] [--networks 3] [--set voltage_n20_p4 ...] [--cached]

Voltages are those of the paper's networks, p = .4 and .8, but 1 s (N = 20) and 2 s (N = 40) instead of 5, and 600
steps of training instead of 2,400: at 5 s the whole stands at 1.000 and nothing could be told apart. Further sets,
where other ingredients matter, each with its suite's one configuration (`synfer.benchmark.SETTINGS`): spikes alone
(5 s, N = 20, p = .4), Lorenz-96 (F = 40, T = 500), autoregressions (N = 50, T = 600), voltages with delays of 1 to 10
ms (N = 20, p = .4, 5 s, 600 steps). Seeds from 61,000, met nowhere else; the same networks and the same random numbers
for every line of a set. Off-diagonal AUROC, mean and lowest; `less whole` is the mean of the differences from the whole
on the same networks; AUPRC; share of true edges whose sign is right; FDR and power at Benjamini and Hochberg's .05. A
fit is kept in --out and not done again; sets and networks that are missing were not run.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor

import synfer as sf
from run import write_results
from synfer.benchmark import SETTINGS
from synfer.benchmark.robustness import make_spikes, make_voltage, paper
from synfer.benchmark.simulated import make_lorenz96, make_var
from synfer.discover import refit
from synfer.discover import synformer as module
from synfer.errors import SynferWarning
from synfer.forecast import Law, SynformerForecaster, synformer_training
from synfer.forecast.pasts import EVERY, Pasts

FIRST_SEED = 61_000
Pair = tuple[sf.Recording, sf.Connectome]


def voltage(n_units: int, p: float, key: int) -> Pair:
    """The paper's network, a second of voltage for 20 neurons, two for 40."""
    network = paper(n_units, p, key)
    seen = sf.simulate.run(network, n_units / 20.0, record="v", seed=key)
    return sf.simulate.observe.clip_and_zscore(seen), network.connectome.to_matrix()


FEWER = {"n_steps": 600}
SETS: dict[str, tuple[Callable[[int], Pair], dict[str, Any]]] = {
    "spikes": (functools.partial(make_spikes, 20, 5.0, 0.4), SETTINGS["robustness/spikes"]["synformer"]),
    "lorenz96": (functools.partial(make_lorenz96, 40, 500), SETTINGS["lorenz96"]["synformer"]),
    "var": (functools.partial(make_var, 50, 5), SETTINGS["var"]["synformer"]),
    "voltage_n20_p4": (functools.partial(voltage, 20, 0.4), FEWER),
    "voltage_n20_p8": (functools.partial(voltage, 20, 0.8), FEWER),
    "voltage_n40_p8": (functools.partial(voltage, 40, 0.8), FEWER),
    "voltage_n40_p4": (functools.partial(voltage, 40, 0.4), FEWER),
    "delays_1_10ms": (
        functools.partial(make_voltage, "delays", 0.4),
        SETTINGS["robustness/voltage"]["synformer"] | FEWER | {"one_lag": True},
    ),
}


class LinearValues(SynformerForecaster):
    """What a source tells is a linear filter of its samples: no event can be made of it."""

    def values(self, recent: Tensor, known: Tensor | None = None) -> Tensor:
        """S without the hyperbolic tangent between its two maps; nothing is missing here."""
        span = max(self.max_lag, self.memory) + self.value_window - 1
        windows = recent[:, -span:].unfold(1, self.value_window, 1).flip(1, 3)
        return torch.einsum("rlus,esv,evo->erlu", windows, self.value_in, self.value_out)


class Competing(SynformerForecaster):
    """Sources compete for a target's attention by a softmax, which has no sign."""

    def shares(self) -> Tensor:
        """The weights, (init, drive, lag, target, source)."""
        return torch.softmax(self.attention.masked_fill(~self.mask, -math.inf), -1)

    def drives(self, values: Tensor, elapsed: Tensor, units: slice = EVERY) -> Tensor:
        """What reaches the targets; no products, no memory here."""
        weights = self.shares()[..., units, :].permute(0, 2, 4, 1, 3).flatten(1, 2).flatten(2, 3)
        return torch.bmm(values.flatten(2, 3), weights)[:, None]

    def release(self) -> None:
        """From here on the weights are free, beginning where training ended."""
        self.attention.data = self.shares().detach()
        self.__class__ = SynformerForecaster  # type: ignore[assignment]


def without(*names: str, columns: tuple[int, ...] | None = None) -> Callable[[SynformerForecaster], None]:
    """Hold parameters (of some columns only) at 0: no gradient reaches them."""

    def take_away(forecaster: SynformerForecaster) -> None:
        for name in names:
            parameter = getattr(forecaster, name)
            kept = torch.zeros_like(parameter)
            if columns is not None:
                kept = torch.ones_like(parameter)
                kept[..., list(columns)] = 0.0
            parameter.data.mul_(kept)
            parameter.register_hook(functools.partial(torch.mul, kept))

    return take_away


class Ablated(sf.discover.Synformer):
    """Synformer whose forecaster has lost something before it learns."""

    change: Callable[[SynformerForecaster], None] | None = None
    saturates = True

    def _forecaster(self, *arguments: Any) -> SynformerForecaster:
        forecaster = super()._forecaster(*arguments)
        if self.change is not None:
            self.change(forecaster)
        return forecaster

    def _pasts(self, samples: Any, covariates: Any) -> Pasts:
        if not self.saturates:
            self.limits_ = tuple(np.full(samples.n_units, bound) for bound in (-np.inf, np.inf))
        return super()._pasts(samples, covariates)


def becoming(kind: type[SynformerForecaster]) -> Callable[[SynformerForecaster], None]:
    """The forecaster with other methods; its parameters are the same."""
    return lambda forecaster: setattr(forecaster, "__class__", kind)


@dataclass(frozen=True)
class Line:
    """One line of the table: what is taken away, on which sets, and how."""

    name: str
    sets: tuple[str, ...] = ("voltage", "spikes")
    parameters: dict[str, Any] = field(default_factory=dict)
    change: Callable[[SynformerForecaster], None] | None = None
    saturates: bool = True
    last_step: bool = True
    bounded: bool = True


ALL = ("voltage", "spikes", "lorenz96", "var")
LINES = (
    Line("whole", (*ALL, "delays")),
    Line("ensemble: 1 initialisation", ALL, {"n_init": 1}),
    Line("last step: what training found", (*ALL, "delays"), last_step=False),
    Line("own history", ALL, change=without("own", "skip")),
    Line("own history but linear", ALL, change=without("out", columns=(0,))),
    Line("events: linear values", ("voltage", "spikes"), change=becoming(LinearValues)),
    Line("events: value of 1 sample", ("voltage", "spikes"), {"value_window": 1}),
    Line("gain by the target's state", ALL, change=without("out", columns=(1,))),
    Line("saturation of the input", ALL, change=without("of_drive")),
    Line("spread by the target's state", ("voltage", "lorenz96"), change=without("out", columns=(2,))),
    Line("units' own embedding", ALL, change=without("embedding", "of_embedding")),
    Line("cut-off samples as such", ("voltage",), saturates=False),
    Line("bound on a sample's pull", ("voltage", "lorenz96"), bounded=False),
    Line("free attention: softmax in training", ("voltage", "spikes"), change=becoming(Competing)),
    Line(
        "free attention: softmax, no last step", ("voltage", "spikes"), change=becoming(Competing), last_step=False
    ),
    Line("products", ("lorenz96",), {"n_products": 0}),
    Line("shrinkage", ("lorenz96", "var"), {"ridge": 0.0}),
    Line("score by certainty: by size", ("spikes",), {"evidence": "effect"}),
    Line("law of spikes: Gaussian", ("spikes",), {"likelihood": "gaussian"}),
    Line("events: values of samples", ("delays",), {"values": "samples"}),
    Line("one lag a pair: all ten", ("delays",), {"one_lag": False}),
    Line("lags: the last alone", ("var", "delays"), {"max_lag": 1, "one_lag": False}),
)  # fmt: skip

# What the table says of each, and why.
MEANING = {
    "ensemble": (
        "one initialisation is as good within .001, of spikes and Lorenz-96 even .003 and .004 better: the "
        "last step is solved, and leaves of the start only the response that was learnt."
    ),
    "last step": (
        "of plain recordings training alone has the same order; where sources are many for the samples "
        "(autoregressions, spikes, N = 40) a solution beats where a fixed number of steps ends; without it no "
        "test."
    ),
    "own history": (
        "the largest loss: what a unit does by itself is then noise, and that noise is shared with its "
        "sources through common firing; what it cannot say of itself is laid on others."
    ),
    "own history but linear": (
        "the reset and the upstroke are no linear functions of the last samples; it costs most where input is "
        "dense (N = 40, p = .8) and of spikes, whose refractory time is a threshold."
    ),
    "events: linear values": (
        "a linear filter takes the whole voltage for what acts, and voltages are collinear (N = 40, p = .8: "
        ".12 lost); of spikes it costs nothing, they are events already."
    ),
    "events: value of 1 sample": (
        "fatal of spikes, which act over several samples on a state that is not seen; of voltages it hurts at "
        "N = 20 and helps at N = 40, p = .8, where a peak alone is less collinear."
    ),
    "gain by the target's state": (
        "costs .03 at N = 40, p = .8 and nothing elsewhere: a spike adds the same in every state but near the "
        "peak; of Lorenz-96 it is even a little better without."
    ),
    "saturation of the input": (
        "costs .013 at N = 40, p = .8, where many inputs arrive at once, and little of spikes; of Lorenz-96 "
        "it is better without: a term that the law does not have."
    ),
    "spread by the target's state": (
        "a constant spread lets the upstroke, where noise is multiplied, outweigh all the quiet samples that "
        "tell weights well: weighted least squares against plain ones."
    ),
    "units' own embedding": "small, of voltages always the same way: units differ in their parameters.",
    "cut-off samples as such": (
        "nothing: few samples are at the ceiling, and it does not matter what is made of them."
    ),
    "bound on a sample's pull": "nothing here: there are no artefacts in simulated data.",
    "free attention": (
        "a softmax makes sources compete and leaves no sign, so that inhibition is told only as little "
        "attention; the last step, which is free again, mends most of it while the response that was learnt "
        "is usable."
    ),
    "products": "the law of Lorenz-96 multiplies its sources: two of three are invisible to sums.",
    "shrinkage": "250 columns for 600 samples: without it their noise is in the order.",
    "score by certainty": (
        "sources that fire more are known better; the size alone puts the noise of rare ones on top."
    ),
    "law of spikes": (
        "squared error takes a spike for an outlier: tests are wrong (FDR .5) and the order nearly lost."
    ),
    "one lag a pair": "ten lags a pair find the same order here; one is cheaper, and its delay can be read.",
    "lags": "what acts later than the last sample is not seen at all.",
}


@torch.no_grad()
def as_trained(forecaster: SynformerForecaster, pasts: Pasts, law: Law, *_: Any) -> list[refit.Refit]:
    """In the place of the last step: the attention as training left it, in the same units, without tests."""
    found = []
    for member in forecaster.members():
        n, q = member.n_units, member.n_drives * member.max_lag
        (parts,) = refit.linearise([member], pasts, [refit.values_of(member, pasts)], EVERY)
        eta, log_scale, y, edge, _, gains = (part.double() for part in parts[:6])
        information = law.derivatives(eta, log_scale, y, torch.zeros_like(edge))[1]
        effect = (gains.square() * information[..., None]).mean(0).sqrt().clamp_min(1e-12)  # (target, drive)
        theta = torch.einsum("dlij,id->ijdl", member.masked_attention()[0].double(), effect).reshape(n, n, q).numpy()
        gain = (gains.mean(0) / effect)[:, None, :, None].expand(n, n, -1, member.max_lag).reshape(n, n, q).numpy()
        found.append(refit.Refit(theta, theta, np.full((n, n, q, q), np.nan), gain, np.zeros(n)))
    return found


@contextlib.contextmanager
def taken_apart(line: Line) -> Iterator[None]:
    """The library without the last step, or without its bounds, while a line is fitted."""
    train = module.train_synformer

    def train_and_release(forecaster: SynformerForecaster, *arguments: Any, **options: Any) -> np.ndarray:
        losses = train(forecaster, *arguments, **options)
        if isinstance(forecaster, Competing):
            forecaster.release()
        return losses

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(module, "train_synformer", train_and_release))
        if not line.last_step:
            stack.enter_context(mock.patch.object(module, "solve", as_trained))
        if not line.bounded:
            stack.enter_context(mock.patch.object(refit, "_OUTLIER", math.inf))
            stack.enter_context(mock.patch.object(synformer_training, "_WORST", math.inf))
        yield


def measure(name: str, line: Line, k: int, out: Path) -> dict[str, Any]:
    """One fit, kept."""
    slug = "".join(c if c.isalnum() else "_" for c in line.name)
    kept = out / name / f"{slug}_{k}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    make, settings = SETS[name]
    seen, truth = make(FIRST_SEED + k)
    settings = {"evidence": "effect"} | settings | line.parameters  # the score that ingredients were measured by
    if settings.get("max_lag", 1) == 1:
        settings.pop("one_lag", None)
    if not line.last_step:  # no standard errors: the score is the effects' size
        settings["evidence"] = "effect"
    estimator = Ablated(random_state=0, progress=False, **settings)
    estimator.change, estimator.saturates = line.change, line.saturates
    start = time.perf_counter()
    with taken_apart(line), warnings.catch_warnings():
        warnings.simplefilter("ignore", SynferWarning)
        signal = None if len(list(seen.signal_names)) == 1 else seen.signal_names[0]
        found = estimator.fit(seen, signal).connectome_
    row: dict[str, Any] = {"set": name, "without": line.name, "network": k, "s": time.perf_counter() - start}
    figures = sf.evaluate.compare(found, truth)
    row |= {"auroc": figures["auroc"], "auprc": figures["auprc"]}
    off = ~np.eye(found.n_units, dtype=bool)
    edges = truth.score.values[off] > 0
    if truth.weight is not None and name not in ("lorenz96", "var"):  # there a pair has several, or a changing one
        row["signs"] = float((np.sign(found.weight.values) == np.sign(truth.weight.values))[off][edges].mean())
    pvalue = found.pvalue.values[off]
    if line.last_step and np.isfinite(pvalue).all():
        rejected = stats.false_discovery_control(pvalue) <= 0.05
        row["fdr"] = float((rejected & ~edges).sum() / max(rejected.sum(), 1))
        row["power"] = float(rejected[edges].mean())
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(row))
    return row


def table_of(rows: pd.DataFrame) -> pd.DataFrame:
    """A line a set and ingredient."""
    made = []
    for name in SETS:
        whole = rows[(rows["set"] == name) & (rows["without"] == "whole")].set_index("network")
        for line in LINES:
            of = rows[(rows["set"] == name) & (rows["without"] == line.name)].set_index("network")
            if of.empty:
                continue
            shared = of.index.intersection(whole.index)
            less = (of.loc[shared, "auroc"] - whole.loc[shared, "auroc"]).mean() if len(shared) else np.nan
            made.append(
                {"set": name, "without": line.name, "networks": len(of)}
                | {"auroc": f"{of['auroc'].mean():.4f}", "lowest": f"{of['auroc'].min():.4f}"}
                | {"less whole": "" if line.name == "whole" else f"{less:+.4f}", "auprc": f"{of['auprc'].mean():.4f}"}
                | {
                    column: "" if of[column].isna().all() else f"{of[column].mean():.3f}"
                    for column in ("signs", "fdr", "power")
                }
            )
    return pd.DataFrame(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/ablations"))
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--set", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--cached", action="store_true", help="only what is already in --out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if not arguments.cached:
        for k in range(arguments.networks):
            for name in arguments.set:
                for line in LINES:
                    if name.split("_")[0] in line.sets:
                        print(measure(name, line, k, arguments.out), flush=True)
    rows = pd.DataFrame([json.loads(path.read_text()) for path in sorted(arguments.out.glob("*/*.json"))])
    text = (__doc__ or "").split("\n\n", 1)[1]
    seen = tuple(rows["without"].unique())
    meanings = "\n".join(
        f"- {name}: {meaning}" for name, meaning in MEANING.items() if any(one.startswith(name) for one in seen)
    )
    write_results("ablations", "Synformer, an ingredient less", f"{text}\n{meanings}", table_of(rows))


if __name__ == "__main__":
    main()
