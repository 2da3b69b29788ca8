"""What tests of runs share."""

import pytest

from synfer.benchmark import runs


@pytest.fixture
def counted(monkeypatch):
    """Fits that were done, by method."""
    calls: list[str] = []
    fit = runs._fit

    def count(work):
        calls.append(work.method)
        return fit(work)

    monkeypatch.setattr(runs, "_fit", count)
    return calls
