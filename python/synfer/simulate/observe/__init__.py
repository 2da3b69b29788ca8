"""What is seen of a simulation: recordings made of recordings.

Each function takes a `Recording` and gives another; what it was given is left as it is. Units, networks and trials keep
their labels through all of them, and `Connectome`s are compared by labels, so that the truth cannot come to stand
beside the wrong units: `truth_of` gives the truth among those that a recording still shows. ``provenance["observed"]``
lists what was done, in order.
"""

from synfer.simulate.observe.calcium import calcium
from synfer.simulate.observe.noise import add_noise
from synfer.simulate.observe.sampling import bin_spikes, decimate, hide_units
from synfer.simulate.observe.scale import clip_and_zscore
from synfer.simulate.observe.truth import truth_of

__all__ = ["add_noise", "bin_spikes", "calcium", "clip_and_zscore", "decimate", "hide_units", "truth_of"]
