"""How many threads the compiled core may use: one place that asks torch and knows of forks."""

from __future__ import annotations

import os

import torch

_forked = False


def _remember_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_remember_fork)


def n_threads(requested: int | None = None) -> int:
    """Number of threads to hand to a kernel of the compiled core.

    A forked child inherits the state of the parent's OpenMP runtime without its threads, and GNU's waits for them
    forever; whether the parent had used it (torch does too) cannot be asked. So in a forked child every kernel runs in
    the calling thread. A process that is spawned is as free as any other.

    Parameters
    ----------
    requested : int, optional
        At least 1; default is torch's number of threads.

    Returns
    -------
    int
        What was requested, and 1 in a forked child. No result of the core depends on it.
    """
    if _forked:
        return 1
    return torch.get_num_threads() if requested is None else requested
