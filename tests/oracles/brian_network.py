"""A network of lif neurons in Brian2, its synapses currents or jumps: run by test_brian.py, where Brian2 is.

    python brian_network.py input.npz output.npz

The input holds weights (target, source) and delays (target, source) in steps, the drive (time, unit), dt and the
parameters by name, times in seconds, and whether v jumps; the output gets the spikes (step, unit) and v (time, unit)
after each step.
"""

from __future__ import annotations

import sys

import numpy as np


def main() -> None:
    import brian2 as b

    b.prefs.codegen.target = "numpy"
    given = np.load(sys.argv[1])
    dt = float(given["dt"]) * b.second
    b.defaultclock.dt = dt
    drive = b.TimedArray(given["drive"], dt=dt)  # the equations name it
    tau, tau_exc, tau_inh, refractory = (
        float(given[name]) * b.second for name in ("tau", "tau_exc", "tau_inh", "refractory")
    )
    rest, threshold, reset = (float(given[name]) for name in ("rest", "threshold", "reset"))
    equations = """
    dv/dt = (rest - v + exc + inh + drive(t, i)) / tau : 1 (unless refractory)
    dexc/dt = -exc / tau_exc : 1
    dinh/dt = -inh / tau_inh : 1
    """
    n = len(given["weights"])
    group = b.NeuronGroup(
        n, equations, threshold="v >= threshold", reset="v = reset", refractory="refractory", method="exact",
        namespace={"rest": rest, "threshold": threshold, "reset": reset, "tau": tau, "tau_exc": tau_exc,
                   "tau_inh": tau_inh, "refractory": refractory, "drive": drive},
    )  # fmt: skip
    group.v = rest
    objects = [group]
    target, source = np.nonzero(given["weights"])
    weights = given["weights"][target, source]
    actions = {"exc_post += w": weights > 0, "inh_post += w": weights < 0}
    if given["jumps"]:
        actions = {"v_post += w * int(not_refractory_post)": weights != 0}
    for action, mine in actions.items():
        if not mine.any():
            continue
        synapses = b.Synapses(group, group, "w : 1", on_pre=action)
        synapses.connect(i=source[mine], j=target[mine])
        synapses.w = weights[mine]
        # Brian delivers in the step of the spike, before the next one integrates: a step less than ours.
        synapses.delay = (given["delays"][target, source][mine] - 1) * dt
        objects.append(synapses)
    spikes, v = b.SpikeMonitor(group), b.StateMonitor(group, "v", record=True, when="end")
    network = b.Network(*objects, spikes, v)
    if given["jumps"]:
        # v jumps before it is held against the threshold, so that a spike goes out in the step after its own
        network.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    network.run(len(given["drive"]) * dt)
    np.savez(sys.argv[2], step=np.rint(spikes.t / dt).astype(int), unit=np.asarray(spikes.i), v=np.asarray(v.v).T)


if __name__ == "__main__":
    main()
