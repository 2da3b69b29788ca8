"""
My NWB file
===========

From a Neurodata Without Borders file to a connectome that knows its brain areas. So that this page can run anywhere,
the file is written first: spike times of 12 units in two areas, with trials. If you have one of your own, begin at
"Read".
"""

import tempfile
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pynwb

import synfer as sf

folder = Path(tempfile.mkdtemp())
path = folder / "session.nwb"

network = sf.simulate.izhikevich_network(n_exc=10, n_inh=2, p=0.3, seed=3)
spikes = sf.simulate.run(network, duration=60.0, record="spikes", seed=3)["spikes"]

session = pynwb.NWBFile("twelve simulated neurons", "how-to", datetime(2026, 1, 1, tzinfo=timezone.utc))
session.add_unit_column("brain_area", "where the unit was recorded")
for unit in range(12):
    times = np.flatnonzero(spikes[:, unit]) * 1e-3
    session.add_unit(spike_times=times, brain_area="CA3" if unit < 6 else "CA1", obs_intervals=[[0.0, 60.0]])
for start in range(0, 60, 10):
    session.add_trial(start_time=float(start), stop_time=start + 9.5)
with pynwb.NWBHDF5IO(path, "w") as file:
    file.write(session)

# %%
# Read
# ----
# Spike times have no sampling rate, so the bin is yours to choose: ``dt``, in seconds. With ``trials=`` a table of
# intervals cuts the session, and no lag crosses from one trial into the next.
recording = sf.Recording.from_nwb(path, dt=1e-3, trials="trials")
print(recording)

# %%
# What the file knows of its units came along.
print(recording.unit_info)

# %%
# Discover
# --------
# Spikes want a method for spikes: a regression of each unit's counts on everybody's filtered spikes.
estimate = sf.discover.SpikeGLM(window=10).fit(recording).connectome_
estimate.edges(alpha=0.05).head(6)

# %%
# Units of one area together, under its name.
sf.plot.heat_map(estimate, by="brain_area")

# %%
# On the shell
# ------------
# The same, without a line of Python::
#
#     synfer discover session.nwb --dt 0.001 --trials trials --method spike_glm --set window=10 --out estimate.nc
#
# A file that holds voltage or fluorescence as well is asked for it by name, ``from_nwb(path, series=...)``; Neo,
# pynapple, MATLAB, npz and CSV come in by ``from_neo``, ``from_pynapple``, ``from_matlab``, ``from_npz`` and
# ``from_csv``, or all by ``from_file``. A page to send to somebody: ``sf.report.write("report.html", estimate,
# recording)``.
