"""A network of Izhikevich neurons in Brian2: run by test_brian_izhikevich.py, in an environment that has it.

    python brian_izhikevich.py input.npz output.npz

The input holds weights (target, source), the parameters a, b, c, d (unit,), the drive (time, unit) and states v, u
([time,] unit): of one axis, the run begins there; of two, every step begins at its own row. The output gets v and u
(time, unit) after each step of 1 ms and the spikes (step, unit). The step is the model's own, spelt out, because it is
no integrator that Brian2 has: v by two half steps, then u by one, a spike reset at the start of the step after it.
"""

from __future__ import annotations

import sys

import numpy as np


def main() -> None:
    import brian2 as b

    b.prefs.codegen.target = "numpy"
    given = np.load(sys.argv[1])
    dt = 1.0 * b.ms
    b.defaultclock.dt = dt
    n_steps, n = given["drive"].shape
    drive = b.TimedArray(given["drive"], dt=dt)
    group = b.NeuronGroup(
        n,
        "v : 1\nu : 1\na : 1\nb : 1\nc : 1\nd : 1\narrived : 1",
        threshold="v >= 30",
        reset="",
        namespace={"drive": drive},
    )
    for name in "abcd":
        setattr(group, name, given[name])
    restarts = given["v"].ndim == 2
    group.v, group.u = (given[name][0] if restarts else given[name] for name in ("v", "u"))
    if restarts:
        start_v, start_u = (b.TimedArray(given[name], dt=dt) for name in ("v", "u"))
        group.namespace.update(start_v=start_v, start_u=start_u)
        group.run_regularly("v = start_v(t, i); u = start_u(t, i); arrived = 0", dt=dt, when="start", order=0)
    # A spike that the state shows at the start of a step resets and is sent: it acts in the step after its sample's.
    target, source = np.nonzero(given["weights"])
    sent = b.Synapses(group, group, "w : 1", on_pre="arrived_post += w")
    sent.connect(i=source, j=target)
    sent.w = given["weights"][target, source]
    sent.delay = 0 * b.ms
    spikes = b.SpikeMonitor(group)
    group.run_regularly(
        """
        fired = int(v >= 30)
        now = v * (1 - fired) + c * fired
        next_u = u + d * fired
        total = 108.0 - next_u + drive(t, i) + arrived
        now = now + 0.5 * (0.04 * now * now + 4.1 * now + total)
        now = now + 0.5 * (0.04 * now * now + 4.1 * now + total)
        u = next_u + a * (b * now - next_u)
        v = now
        arrived = 0
        """,
        dt=dt, when="end", order=0,
    )  # fmt: skip
    states = b.StateMonitor(group, ["v", "u"], record=True, when="end", order=1)
    b.Network(group, sent, spikes, states).run(n_steps * dt)
    np.savez(
        sys.argv[2], v=np.asarray(states.v).T, u=np.asarray(states.u).T, step=np.rint(spikes.t / dt).astype(int),
        unit=np.asarray(spikes.i),
    )  # fmt: skip


if __name__ == "__main__":
    main()
