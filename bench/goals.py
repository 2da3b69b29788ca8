"""The goals that were set for the simulator, and whether a run of the benches reached them, losses with the rest.

Times by hand are those of a hand-written AVX-512 kernel (fast-math, random numbers of its own) on one thread of this
kind of machine, in ms a simulated second (us a step for W4): the quicker end of what it took, so that a goal is reached
only where it is beyond doubt.
"""

from __future__ import annotations

import dataclasses

import pandas as pd

OF_HAND = 0.6
IN_THIS_RUN = "the kernel by hand, in this run"


@dataclasses.dataclass(frozen=True)
class Goal:
    """At least so many times as fast as something on a workload."""

    workload: str
    than: str
    times: float


BY_HAND = {
    "W1": 11.0, "W2": 2.0, "W3 N = 4,000": 15.0, "W3 N = 100,000": 696.0, "W4, 1,000 units": 144.0,
    "W4, 64 x 200 units": 138.0,
}  # fmt: skip
GOALS = [
    *(Goal(workload, "the kernel by hand", OF_HAND) for workload in BY_HAND),
    Goal("W1", IN_THIS_RUN, OF_HAND),
    Goal("W1", "jax", 12.0), Goal("W1", "brian2 standalone", 20.0), Goal("W1", "one thread, on two", 1.8),
    Goal("W2", "brian2", 12.0), Goal("W3 N = 4,000", "brian2", 2.0), Goal("W3 N = 100,000", "brian2", 2.5),
    Goal("W4, 1,000 units", "jax", 1.0), Goal("W4, 64 x 200 units", "jax", 2.5),
]  # fmt: skip


def goals_table(
    measured: dict[tuple[str, str], float], ours: dict[str, float], by_hand: dict[str, float] | None = None
) -> pd.DataFrame:
    """Hold what was measured against the goals.

    Parameters
    ----------
    measured : dict of (workload, than) to float
        What others took, in the unit of ours.
    ours : dict of workload to float
        Ms a simulated second.
    by_hand : dict of workload to float, optional
        Likewise of the kernel by hand, where it ran in this run too.
    """
    measured = measured | {(name, IN_THIS_RUN): ms for name, ms in (by_hand or {}).items()}
    rows = []
    for goal in GOALS:
        if goal.workload not in ours:
            continue
        theirs = measured.get((goal.workload, goal.than))
        if goal.than == "the kernel by hand":
            theirs = BY_HAND[goal.workload]
        if goal.than == IN_THIS_RUN and theirs is None:
            continue
        reached = None if theirs is None else theirs / ours[goal.workload]
        rows.append(
            {
                "workload": goal.workload,
                "times as fast as": goal.than,
                "goal": f"{goal.times:g}",
                "reached": "not installed" if reached is None else f"{reached:.2f}",
                "met": "" if reached is None else "yes" if reached >= goal.times else "NO",
            }
        )
    return pd.DataFrame(rows)
