"""The last step of a Synformer as a whole: which columns it is solved for, for all initialisations at once."""

from __future__ import annotations

import numpy as np
import torch

from synfer.discover.lag_choice import keep_surest_lags
from synfer.discover.refit import Prior, Refit, refit
from synfer.discover.screening import candidates, complete, one_step
from synfer.forecast import Law, Pasts, SynformerForecaster

MOST_COLUMNS = 400  # of a target, up to which all are solved for by default
CANDIDATES = 64  # sources of a target that are solved for beyond that


def solve(
    forecaster: SynformerForecaster,
    pasts: Pasts,
    law: Law,
    ridge: float | str,
    prior: Prior,
    one_lag: bool = False,
    n_candidates: int | str | None = None,
) -> list[Refit]:
    """Refit every initialisation of ``forecaster``, whose values are standardised.

    With ``one_lag`` the attention of each pair is 0 from here on but at its surest lag. Of more than ``n_candidates``
    sources a target ("auto": all where they make no more than 400 columns, else 64) the surest are solved for together,
    each other one by a step of its own.
    """
    members = forecaster.members()
    n, q = forecaster.n_units, forecaster.n_drives * forecaster.max_lag
    if isinstance(n_candidates, str):
        few = forecaster.memory > 1 or (n * q if not one_lag else n) <= MOST_COLUMNS
        n_candidates = None if few else CANDIDATES
    screened = n_candidates is not None and n_candidates < n - 1
    if not (one_lag or screened):
        return [refit(member, pasts, law, ridge=ridge, prior=prior) for member in members]
    free = prior.allowed & ~np.eye(n, dtype=bool)
    columns = np.repeat(free[..., None], q, axis=-1)
    steps = [one_step(member, pasts, law) for member in members]
    if one_lag:
        columns = keep_surest_lags(forecaster, steps, free)
    if not screened:
        return [refit(member, pasts, law, ridge=ridge, prior=prior, columns=columns) for member in members]
    assert n_candidates is not None
    solved = candidates(steps, columns, int(n_candidates))
    found = []
    for member, step in zip(members, steps, strict=True):
        found.append(refit(member, pasts, law, ridge=ridge, prior=prior, columns=solved))
        complete(found[-1], step, columns, solved)
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
