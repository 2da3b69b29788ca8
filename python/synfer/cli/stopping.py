"""What a signal to stop does to a command: it ends as by Ctrl-C, and takes with it what it had half written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTED = 128 + signal.SIGINT
"""What a command ends with that was stopped by Ctrl-C."""
STOPS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""From `kill` or a batch system, and from a terminal that closes."""


@contextmanager
def stopped_in_order() -> Iterator[None]:
    """Make `STOPS` raise SystemExit(128 + the signal's number) inside the body, so that drafts are removed.

    By itself such a signal ends Python at once, and drafts stay. Signals that are ignored (nohup) or have a handler
    stay as they are. A second one ends the program at once, as ever.
    """
    replaced: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():  # no other may set handlers
        for number in STOPS:
            if signal.getsignal(number) == signal.SIG_DFL:
                replaced[number] = signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, before in replaced.items():
            signal.signal(number, before)


def _stop(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)
