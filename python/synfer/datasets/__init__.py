"""Published data sets, read where they lie, in the layout in which they were published."""

from synfer.datasets.causaltime import load_causaltime
from synfer.datasets.dream3 import load_dream3
from synfer.datasets.dream4 import load_dream4
from synfer.datasets.izhikevich import load_izhikevich, load_izhikevich_network, load_izhikevich_raw
from synfer.datasets.lorenz96 import load_lorenz96
from synfer.datasets.netsim import load_netsim
from synfer.datasets.spycon import load_spycon
from synfer.datasets.var import load_var

__all__ = [
    "load_causaltime",
    "load_dream3",
    "load_dream4",
    "load_izhikevich",
    "load_izhikevich_network",
    "load_izhikevich_raw",
    "load_lorenz96",
    "load_netsim",
    "load_spycon",
    "load_var",
]
