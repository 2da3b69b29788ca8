"""The sliders of the page's figures: through thresholds of the score, by Plotly's own restyling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synfer.report.evidence import Evidence
from synfer.report.style import INK


def _pairs(n: int) -> str:
    return "1 pair" if n == 1 else f"{n} pairs"


def slider(
    evidence: Evidence, change: Callable[[int, float], Any], active: int = 0, room: int = 0
) -> list[dict[str, Any]]:
    """A slider through the thresholds; change(k, threshold) is what its k-th step restyles; room, pixels above it."""
    steps = [
        {
            "method": "restyle",
            "args": change(k, threshold),
            "label": f"{threshold:.3g} ({_pairs(n)})",
            "value": str(k),
        }
        for k, (threshold, n) in enumerate(zip(evidence.steps.tolist(), evidence.reach, strict=True))
    ]
    return [
        {
            "steps": steps,
            "active": active,
            "currentvalue": {
                "prefix": "score at least ",
                "suffix": f", of 0 to {evidence.steps[-1]:.3g}",
                "font": {"size": 13, "color": INK},
            },
            # labels under the rail would be some of the steps, by their breadth, and seldom that of the handle
            "font": {"size": 1, "color": "rgba(0,0,0,0)"},
            "pad": {"t": 38 + room, "b": 4},
            "x": 0.05,
            "len": 0.9,
        }
    ]
