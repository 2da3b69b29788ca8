"""Methods x networks to one table: suites of recordings whose connectome is known, published or simulated anew."""

from synfer.benchmark.calibration import calibration_table
from synfer.benchmark.differences import CLASSICS, differences
from synfer.benchmark.paper import published_figures
from synfer.benchmark.results import write_results
from synfer.benchmark.runs import run
from synfer.benchmark.settings import SETTINGS
from synfer.benchmark.suites import SUITES, Suite
from synfer.benchmark.tables import as_markdown, refusals, summary
from synfer.benchmark.task import Task

__all__ = [
    "CLASSICS",
    "SETTINGS",
    "SUITES",
    "Suite",
    "Task",
    "as_markdown",
    "calibration_table",
    "differences",
    "published_figures",
    "refusals",
    "run",
    "summary",
    "write_results",
]
