"""How much a Synformer's response may learn, where samples are few: what forecasts best what it was not fitted to.

A width of 64 and 2,400 steps see each of 200 samples 800 times and know them by heart: then the response explains what
other units explain, attention finds nothing, and what was not foreseen is nothing either. Dynamics with next to no
noise, though, want the long training (`bench/results/width.md`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from synfer.discover.held_out import last_fifth, skill
from synfer.errors import FitDivergedError
from synfer.forecast import Law, Pasts, SynformerForecaster, rows_of, steps_of

WIDEST, NARROWER = 64, (16, 4)
SHORT = 40
"""Passes through the samples that a short training takes. A response narrower than the widest that is trained for more
is not tested on what it learnt from (`synfer.discover.cross_fit`)."""
TOO_OFTEN = 80
"""Passes beyond which the widest is not trained unasked."""
MARGIN = 0.1
"""Nats a sample by which another has to forecast better: of few samples the last fifth is few, too."""
FEWEST = 50
"""Rows below which nothing is held out: what is best on ten is chance."""


class Capacity(NamedTuple):
    """Width of the response, and steps of its training (as `train_synformer` takes them)."""

    hidden: int
    n_steps: int | str


def passes(n_steps: int | str, n_rows: int, n_units: int, batch_size: int | str) -> float:
    """How often a training sees each sample."""
    rows = rows_of(batch_size, n_units)
    return steps_of(n_steps, n_rows, rows) * min(rows, n_rows) / max(n_rows, 1)


def choices(n_rows: int, n_units: int, n_steps: int | str, batch_size: int | str) -> list[Capacity]:
    """What there is to choose from: one, where training does not see samples too often.

    Else the widest, the next of the ``NARROWER`` for as long, as nearly exact samples take long to learn, and all of
    these by a short training.
    """
    widest = Capacity(WIDEST, n_steps)
    if passes(n_steps, n_rows, n_units, batch_size) <= TOO_OFTEN:
        return [widest]
    few = max(1, SHORT * n_rows // min(rows_of(batch_size, n_units), n_rows))
    return [widest, Capacity(NARROWER[0], n_steps), *(Capacity(h, few) for h in NARROWER)]


def choose(
    learn: Callable[[Pasts, Capacity], SynformerForecaster], pasts: Pasts, law: Law, among: list[Capacity]
) -> Capacity:
    """The one of those that forecasts the last fifth of the rows best, trained on those before.

    ``learn`` gives a trained forecaster of one initialisation. The first stands unless another is better by ``MARGIN``;
    of few rows none is held out, and it is the last.
    """
    first, last = last_fifth(pasts)
    if len(among) == 1 or len(first.rows) + len(last.rows) < FEWEST:
        return among[-1]

    def judged(capacity: Capacity) -> float:
        try:
            return skill(learn(first, capacity), last, law)
        except FitDivergedError:  # another may do; and if this one is taken, its fit says so
            return -np.inf

    found = np.nan_to_num([judged(capacity) for capacity in among], nan=-np.inf, neginf=-np.inf)
    best = int(np.argmax(found))
    return among[best] if found[best] > found[0] + MARGIN else among[0]
