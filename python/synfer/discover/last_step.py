"""The last step of a Synformer as a whole: which columns it is solved for, for all initialisations at once."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import torch

from synfer.discover.lag_choice import keep_columns, keep_surest_lags
from synfer.discover.linearised import blocks, crowd_of, linearise, values_of
from synfer.discover.refit import Prior, Refit, Refitting, refit
from synfer.discover.screening import OneStep, Stepping, candidates, complete, one_step
from synfer.forecast import Law, Pasts, SynformerForecaster

MOST_COLUMNS = 400  # of a target, up to which all are solved for by default
MOST_WORK = 5e12  # targets x rows x columns^2, up to which all are solved for as well: some minutes
CANDIDATES = 64  # sources of a target that are solved for beyond that
ROWS_A_COLUMN = 10
"""Rows for each column, solved for or not, below which steps of each alone are no test: what training made of noise in
all the others is in every residual (bench/results/flagship.md: of 420 units and 1,000 samples half of the absent edges
had p < .001)."""


def solve(
    forecaster: SynformerForecaster,
    pasts: Pasts,
    law: Law,
    ridge: float | str,
    prior: Prior,
    one_lag: bool = False,
    n_candidates: int | str | None = None,
    columns: np.ndarray | None = None,
) -> list[Refit]:
    """Refit every initialisation of ``forecaster``, whose values are standardised.

    With ``one_lag`` the attention of each pair is 0 from here on but at its surest lag; with ``columns`` (target,
    source, column) but at those. Of more than ``n_candidates`` sources a target ("auto": all where they make no more
    than 400 columns, or where the samples are more than these and so few that it takes no longer, else 64) the surest
    are solved for together, each other one by a step of its own; where there are fewer rows than ten a column, those
    have no degree of freedom.
    """
    members = forecaster.members()
    n, q = forecaster.n_units, forecaster.n_drives * forecaster.max_lag
    if isinstance(n_candidates, str):
        rows, width = len(pasts.rows), n if one_lag else n * q
        few = width <= MOST_COLUMNS or (width < rows and n * rows * width**2 <= MOST_WORK)
        n_candidates = None if few or forecaster.memory > 1 else CANDIDATES
    screened = n_candidates is not None and n_candidates < n - 1
    if not (one_lag or screened or columns is not None):
        return [refit(member, pasts, law, ridge=ridge, prior=prior) for member in members]
    free = prior.allowed & ~np.eye(n, dtype=bool)
    steps = [one_step(member, pasts, law) for member in members] if one_lag else None
    if columns is not None:
        columns = columns & free[..., None]
        keep_columns(forecaster, columns)
    elif steps is not None:
        columns = keep_surest_lags(forecaster, steps, free)
    else:
        columns = np.repeat(free[..., None], q, axis=-1)
    if not screened:
        return [refit(member, pasts, law, ridge=ridge, prior=prior, columns=columns) for member in members]
    assert n_candidates is not None
    return _screened(members, pasts, law, ridge, prior, columns, int(n_candidates), steps)


def _screened(
    members: list[SynformerForecaster],
    pasts: Pasts,
    law: Law,
    ridge: float | str,
    prior: Prior,
    columns: np.ndarray,
    n_candidates: int,
    steps: list[OneStep] | None,
) -> list[Refit]:
    """Refit the surest of the ``columns`` of each target, the others by ``steps`` (None: which are taken here).

    All initialisations of a few targets come before the next targets: a forecast is made linear once for both.
    """
    values = [values_of(member, pasts) for member in members]
    each = [(member, law, value, crowd_of(value)) for member, value in zip(members, values, strict=True)]
    stepping = [Stepping(*one) for one in each]
    fits = [Refitting(member, law, value, ridge, prior, crowd) for member, law, value, crowd in each]
    solved = np.zeros_like(columns)
    for units in blocks(members[0], pasts, len(members)):
        parts = linearise(members, pasts, values, units)
        if steps is None:
            taken = [step.of(units, part) for step, part in zip(stepping, parts, strict=True)]
        else:
            taken = [OneStep(*(field[units] for field in astuple(step))) for step in steps]
        solved[units] = candidates(taken, columns[units], n_candidates)
        for fit, part, step in zip(fits, parts, taken, strict=True):
            fit.solve(units, part, solved[units], np.where(columns[units] & ~solved[units], step.change, 0.0))
            complete(fit.out, units, step, columns[units], solved[units])
    found = [fit.done() for fit in fits]
    for refitted in found:
        refitted.theta[columns & ~solved] = refitted.free[columns & ~solved]
        if len(pasts.rows) < ROWS_A_COLUMN * columns.sum((1, 2)).max():
            refitted.freedom[:] = 0.0
    return found


def latency(forecaster: SynformerForecaster, pasts: Pasts) -> int:
    """Samples before the last one at which the values look: where their change moves them most."""
    some = pasts.rows[:: max(1, len(pasts.rows) // 2048)]
    window = forecaster.value_window
    recent = pasts.batch(some, slice(0, 1)).recent[:, -window:].clone().requires_grad_(True)
    values = forecaster.values(recent)
    (slopes,) = torch.autograd.grad(values.sum(), recent)
    moved = (slopes * (recent - recent.mean((0, 1)))).square().mean((0, 2)).detach()
    return window - 1 - int(moved.argmax())
