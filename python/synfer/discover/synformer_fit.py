"""How a Synformer is fitted: the forecaster is trained, its last step solved, and solved again of halves if need be."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils import check_random_state

from synfer.discover.base import Samples
from synfer.discover.capacity import SHORT, WIDEST, Capacity, choices, choose, passes
from synfer.discover.cross_fit import basis, cross_fit
from synfer.discover.effects import Effects, columns_of, combine, signs_of
from synfer.discover.instantaneous import Coupling
from synfer.discover.lag_choice import lags_differ
from synfer.discover.last_step import solve
from synfer.discover.linearised import standardise
from synfer.discover.refit import Prior, Refit
from synfer.errors import InputError, ResolutionWarning, level_of_user
from synfer.forecast import Law, Pasts, SynformerForecaster, train_synformer

if TYPE_CHECKING:
    from synfer.discover.synformer import Synformer

ENSEMBLE, MANY = 3, 256
"""Initialisations of ``n_init="auto"``, and the units beyond which there is one: of 1,000 units three say what one does
(bench/results/flagship.md)."""


@dataclass
class Fit:
    """What was found: the forecaster and its losses, whether pairs have lags of their own, and the last step of each
    initialisation, for scores and, where halves were solved, for tests; and who can be tested, (target,)."""

    forecaster: SynformerForecaster
    loss: np.ndarray
    one_lag: bool
    members: list[Refit]
    tested: list[Refit] | None
    testable: np.ndarray

    @property
    def hidden(self) -> int:
        """Width of the response."""
        return int(self.forecaster.second.shape[-1])

    @property
    def n_fitted(self) -> int:
        """What was fitted to the samples of a target: its sources' columns, and the last layer of its response."""
        return int(columns_of(self.members).sum((1, 2)).max()) + self.hidden


def refuse_combinations(of: Synformer) -> None:
    """Refuse parameters that exclude each other."""
    if of.memory > 1 and of.max_lag > 1:
        raise InputError(f"max_lag must be 1 with memory, which spans lags, got {of.max_lag}: give one of them.")
    if of.cross_fit is True and of.n_products:
        raise InputError(f"cross_fit must be False or 'auto' with products, got n_products={of.n_products}.")
    if of.one_lag and of.n_products:
        raise InputError(f"one_lag must be False with products of sources, got n_products={of.n_products}.")
    if of.memory > 1 and isinstance(of.n_candidates, Integral):
        raise InputError("n_candidates must be None or 'auto' with memory: all sources are solved for.")
    if of.instantaneous and of.dale is not None:
        raise InputError("dale must be None with instantaneous=True: what is shared within a sample has no source.")


def fit_ensemble(of: Synformer, pasts: Pasts, law: Law, prior: Prior) -> Fit:
    """Fit all initialisations by the parameters of an estimator."""
    rows, n = len(pasts.rows), pasts.n_units
    if n > MANY and n > 10 * rows:  # N^2 numbers, of which the samples say nothing
        raise InputError(
            f"X must hold at least a tenth as many samples with a past as units, of which there are {n}; got {rows}: "
            "if it is (unit, time), transpose it."
        )
    if prior.types is not None and of.ridge == 0.0:
        raise InputError("ridge must be 'gcv' or above 0 with cell_types, to whose means it draws; got 0.")
    random = check_random_state(of.random_state)
    n_init = (ENSEMBLE if pasts.n_units <= MANY else 1) if of.n_init == "auto" else of.n_init
    seed, seeds = int(random.randint(2**31 - 1)), random.randint(2**31 - 1, size=n_init)

    def learn(
        some: Pasts, max_lag: int, capacity: Capacity, seeds: np.ndarray = seeds[:1]
    ) -> tuple[SynformerForecaster, np.ndarray]:
        forecaster = _forecaster(of, some, max_lag, capacity.hidden, seeds, prior.allowed)
        losses = train_synformer(
            forecaster, some, law, n_steps=capacity.n_steps, batch_size=of.batch_size,
            learning_rate=float(of.learning_rate), weight_decay=float(of.weight_decay), seed=seed,
            progress=bool(of.progress),
        )  # fmt: skip
        return forecaster, losses

    max_lag, one_lag = int(of.max_lag), bool(of.one_lag)
    if of.hidden == "auto":
        among = choices(rows, n, of.n_steps, of.batch_size)
        capacity = choose(lambda some, given: learn(some, max_lag, given)[0], pasts, law, among)
    else:
        capacity = Capacity(int(of.hidden), of.n_steps)
    if of.one_lag == "auto":
        one_lag = max_lag > 1 and lags_differ(
            lambda some, lags: learn(some, lags, capacity)[0], pasts, law, max_lag, prior.allowed
        )
        max_lag = max_lag if one_lag else 1
    forecaster, loss = learn(pasts, max_lag, capacity, seeds)
    standardise(forecaster, pasts)
    members = solve(forecaster, pasts, law, of.ridge, prior, one_lag, of.n_candidates)
    tested = None
    by, testable = "whole", np.ones(n, dtype=bool)
    if of.cross_fit:
        often = passes(of.n_steps, rows, n, of.batch_size) > SHORT
        narrow = often and capacity.hidden < WIDEST
        by, testable = basis(of.cross_fit is True, narrow, of.n_products > 0, members, pasts, forecaster)
    if by == "halves":
        # As many passes through a half as through the whole.
        if not isinstance(capacity.n_steps, str):
            capacity = capacity._replace(n_steps=max(1, int(capacity.n_steps) // 2))
        few = random.randint(2**31 - 1, size=(2, (len(seeds) + 1) // 2))
        if isinstance(prior.signs, str):  # learnt once, of all samples, or the halves' might differ
            prior = replace(prior, signs=signs_of(members))
        tested = cross_fit(
            lambda half, k: learn(half, max_lag, capacity, few[k])[0], pasts, law, of.ridge, prior, of.n_candidates,
            columns_of(members) if one_lag else None,
        )  # fmt: skip
    return Fit(forecaster, loss, one_lag, members, tested, testable)


def effects_of(of: Synformer, fit: Fit, samples: Samples, shared: Coupling | None, allowed: np.ndarray) -> Effects:
    """Read the effects off a fit, and off what units share within a sample; warn where no edge can have a p-value."""
    lags = fit.forecaster.max_lag
    choices = lags if fit.one_lag else 1
    shared = None if shared is None else shared.of(allowed)
    found = combine(fit.members, of.scale_, lags, float(of.level), of.evidence, choices, fit.tested, shared, allowed)
    found.pvalue[~fit.testable] = found.half[~fit.testable] = np.nan
    found.pvalue[~allowed] = np.nan
    if (allowed & ~np.eye(len(allowed), dtype=bool)).any() and not np.isfinite(found.pvalue).any():
        warnings.warn(
            f"no pair has a p-value: {samples.n_samples} samples are too few for {samples.n_units} units, "
            f"max_lag={of.max_lag} and hidden={fit.hidden}; what has no p-value is not thereby absent.",
            ResolutionWarning,
            stacklevel=level_of_user(),
        )
    return found


def _forecaster(
    of: Synformer, pasts: Pasts, max_lag: int, hidden: int, seeds: np.ndarray, allowed: np.ndarray
) -> SynformerForecaster:
    forecaster = SynformerForecaster(
        pasts.n_units, pasts.n_features, max_lag=max_lag, value_window=int(of.value_window),
        n_products=int(of.n_products), memory=int(of.memory), hidden=hidden,
        allowed=torch.from_numpy(allowed), seeds=[int(seed) for seed in seeds],
    )  # fmt: skip
    if of.likelihood != "gaussian":  # at their mean rate: from 1/2 or 1 the first steps would go there alone
        rate = pasts.series[pasts.rows + 1].mean(0).clamp(1e-4, None)
        start = torch.log(rate) if of.likelihood == "poisson" else torch.logit(rate.clamp(max=0.999))
        with torch.no_grad():
            forecaster.bias_out[..., 0] = start
    return forecaster
