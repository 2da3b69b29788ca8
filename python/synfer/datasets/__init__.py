"""Published data sets, read where they lie, in the layout in which they were published."""

from synfer.datasets.izhikevich import load_izhikevich, load_izhikevich_network, load_izhikevich_raw

__all__ = ["load_izhikevich", "load_izhikevich_network", "load_izhikevich_raw"]
