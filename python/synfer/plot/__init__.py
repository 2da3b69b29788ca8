"""Pictures: each function takes ``ax=`` and gives axes, in one style, without touching matplotlib's global state."""

from synfer.plot.activity import raster, traces
from synfer.plot.benchmark import figures_by_set
from synfer.plot.connectome import heat_map, heat_maps
from synfer.plot.curves import precision_recall, roc
from synfer.plot.forecast import forecast_against_truth
from synfer.plot.paper import figure_1, figure_2, figure_4

__all__ = [
    "figure_1",
    "figure_2",
    "figure_4",
    "figures_by_set",
    "forecast_against_truth",
    "heat_map",
    "heat_maps",
    "precision_recall",
    "raster",
    "roc",
    "traces",
]
