"""Systems of a few equations and fields on a square, against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ellipj, ellipk

from synfer import simulate
from synfer.errors import InputError, ShapeError, SimulationDivergedError, SynferError
from synfer.simulate import fields, memory
from synfer.simulate.systems import GRAVITY, integrated

SYSTEMS = {
    name: getattr(simulate, f"{name}_system")
    for name in ("pendulum", "double_pendulum", "lorenz96", "reaction_diffusion", "wave")
}


@pytest.fixture(params=SYSTEMS)
def system(request):
    return SYSTEMS[request.param]


def test_seeded_and_independent_of_how_many(system):
    three, two = system(3, 4, seed=5), system(2, 4, seed=5)
    other = system(2, 4, seed=6)
    for k in range(2):
        assert np.array_equal(three.values[k], two.values[k])
        assert {n: c[k] for n, c in three.parameters.items()} == {n: c[k] for n, c in two.parameters.items()}
    assert not np.array_equal(two.values[0], two.values[1]) and not np.array_equal(two.values[0], other.values[0])
    assert three.values[0].dtype == np.float32 and np.isfinite(three.to_array()).all()


def test_at_any_times_the_same_course(system):
    regular = system(2, 5, dt=0.1, seed=1)
    irregular = system(2, 5, dt=0.1, irregular=True, seed=1)
    assert irregular.times[0][0] == 0 and irregular.times[0][-1] <= 0.4
    assert not np.array_equal(irregular.times[0], irregular.times[1])
    np.testing.assert_allclose(irregular.values[1][0], regular.values[1][0], atol=1e-6)
    own = np.stack([regular.times[0][1:4:2], regular.times[0][[2, 4]]])
    chosen = system(2, times=own, seed=1)
    np.testing.assert_allclose(chosen.states[0], regular.states[0][1:4:2], atol=1e-4)
    np.testing.assert_allclose(chosen.states[1], regular.states[1][[2, 4]], atol=1e-4)


@pytest.mark.parametrize("amplitude", [0.01, 1.0, 2.5])
def test_pendulum_swings_as_jacobis_functions_do(amplitude):
    found = simulate.pendulum_system(1, 100, dt=0.05, length=1.2, angle=amplitude, speed=0.0)
    rate, m = np.sqrt(GRAVITY / 1.2), np.sin(amplitude / 2) ** 2
    sn = ellipj(rate * found.times[0] + ellipk(m), m)[0]
    np.testing.assert_allclose(found.states[0][:, 0], 2 * np.arcsin(np.sin(amplitude / 2) * sn), atol=1e-6 * amplitude)
    if amplitude == 0.01:  # a small swing: 2 pi sqrt(l / g)
        np.testing.assert_allclose(found.states[0][:, 0], amplitude * np.cos(rate * found.times[0]), atol=1e-5)


def test_pendulum_loses_what_friction_takes():
    found = simulate.pendulum_system(1, 100, length=1.0, damping=0.4, angle=0.01, speed=0.0)
    rate = np.sqrt(GRAVITY - 0.04)
    t = found.times[0]
    expected = 0.01 * np.exp(-0.2 * t) * (np.cos(rate * t) + 0.2 / rate * np.sin(rate * t))
    np.testing.assert_allclose(found.states[0][:, 0], expected, atol=1e-6)


def test_double_pendulum_keeps_its_energy():
    found = simulate.double_pendulum_system(4, 200, dt=0.05, angle=(-3, 3), seed=2)
    for k, (a1, a2, w1, w2) in enumerate(state.T for state in found.states):
        l1, l2, m1, m2 = (found.parameters[name][k] for name in ("length_1", "length_2", "mass_1", "mass_2"))
        v1 = l1 * w1 * np.array([np.cos(a1), np.sin(a1)])
        v2 = v1 + l2 * w2 * np.array([np.cos(a2), np.sin(a2)])
        y1 = -l1 * np.cos(a1)
        y2 = y1 - l2 * np.cos(a2)
        energy = 0.5 * m1 * (v1**2).sum(0) + 0.5 * m2 * (v2**2).sum(0) + GRAVITY * (m1 * y1 + m2 * y2)
        assert np.ptp(energy) < 1e-5 * GRAVITY


def test_double_pendulum_has_its_normal_modes():
    """Equal rods and masses: a2 = +-sqrt(2) a1 at rates g / l (2 -+ sqrt(2))."""
    for sign, mode in ((1, 2 - np.sqrt(2)), (-1, 2 + np.sqrt(2))):
        found = simulate.double_pendulum_system(1, 60, lengths=(1, 1), masses=(1, 1), angle=1e-4, speed=0.0)
        assert np.allclose(found.states[0][0], [1e-4, 1e-4, 0, 0])
        # A state begun at the mode's shape stays in it: project the linear course of any start onto the mode.
        shape = np.array([1.0, sign * np.sqrt(2)])
        mass = np.array([[2.0, 1.0], [1.0, 1.0]])
        course = found.states[0][:, :2] @ mass @ shape
        np.testing.assert_allclose(course / course[0], np.cos(np.sqrt(GRAVITY * mode) * found.times[0]), atol=1e-4)


def test_frames_show_the_pendulum_where_it_is():
    found = simulate.pendulum_system(1, length=1.0, angle=np.pi / 2, speed=0.0, times=[0.0])
    frame = found.values[0][0]
    row, column = np.unravel_index(frame.argmax(), frame.shape)
    assert row in (15, 16) and column > 27  # to the right, at the height of the pivot
    hanging = simulate.pendulum_system(1, length=1.0, angle=0.0, speed=0.0, times=[0.0]).values[0][0]
    row, column = np.unravel_index(hanging.argmax(), hanging.shape)
    assert row > 27 and column in (15, 16) and frame.min() >= 0 and frame.max() <= 1


def test_lorenz96_is_the_simulators():
    found = simulate.lorenz96_system(2, 6, dt=0.1, n_units=7, F=(5.0, 9.0), warmup=1.0, seed=3)
    network = simulate.lorenz96_network(7, F=found.parameters["F"][:, None] * np.ones(7), n_networks=2)
    begin = np.stack([state[0] for state in found.states])
    recording = simulate.run(network, duration=0.5, dt=0.001, every=100, initial_state={"x": begin}, dtype="float64")
    np.testing.assert_allclose(recording["x"], np.stack(found.states)[:, 1:], atol=1e-5)


def test_lorenz96_rests_at_its_forcing_where_that_is_weak():
    found = simulate.lorenz96_system(1, 5, F=0.5, warmup=60.0)
    np.testing.assert_allclose(found.values[0], 0.5, atol=1e-5)


def test_plane_waves_of_reaction_and_diffusion():
    """A^2 = 1 - d k^2, turning at -beta A^2 (Kopell and Howard 1973)."""
    size, width, beta, d = 16, 20.0, 0.9, 0.3
    x, y = fields.grid(size, width)
    phase = 2 * np.pi / width * (2 * x - y)
    a2 = 1.0 - d * 5 * (2 * np.pi / width) ** 2
    times = np.array([0.0, 1.0, 7.0])
    states = fields.react(np.sqrt(a2) * np.stack([np.cos(phase), np.sin(phase)]), times, beta, d, width)
    turned = phase - beta * a2 * times[:, None, None]
    expected = np.sqrt(a2) * np.stack([np.cos(turned), np.sin(turned)], axis=1)
    np.testing.assert_allclose(states.reshape(3, 2, size, size), expected, atol=1e-4)


def test_waves_disperse_as_they_should():
    """Each term of the Fourier series swings at c |k|."""
    size, speed = 16, 0.8
    x, y = fields.grid(size, 1.0)
    times = np.linspace(0, 2, 5)
    modes = ((1, 0, 0.5), (2, 3, 1.0), (0, 4, -0.7))
    shapes = [a * np.cos(2 * np.pi * (i * x + j * y)) for i, j, a in modes]
    states = fields.propagate(np.stack([sum(shapes), np.zeros((size, size))]), times, speed, 1.0)
    expected = sum(
        shape * np.cos(2 * np.pi * speed * np.hypot(i, j) * times)[:, None, None]
        for shape, (i, j, _) in zip(shapes, modes, strict=True)
    )
    np.testing.assert_allclose(states[:, : size**2].reshape(-1, size, size), expected, atol=1e-4)


def test_a_spiral_is_seen_and_turns():
    found = simulate.reaction_diffusion_system(1, 3, dt=1.0, seed=1)
    u, v = found.states[0][-1].reshape(2, 32, 32)
    core = np.hypot(u, v)
    assert core.min() < 0.4 and np.median(core) > 0.8  # the defect, and the cycle around it
    assert np.abs(found.values[0][1] - found.values[0][0]).mean() > 0.3


REFUSED = {
    "trajectories": ({"n_trajectories": 0}, InputError, "n_trajectories must be an integer of at least 1"),
    "samples": ({"n_samples": 1}, InputError, "n_samples must be an integer of at least 2"),
    "step": ({"dt": 0.0}, InputError, "dt must be positive seconds"),
    "seed": ({"seed": -1}, InputError, "seed must be"),
    "irregular": ({"irregular": 1}, InputError, "irregular must be True or False"),
    "times unsorted": ({"times": [0.0, 0.2, 0.1]}, InputError, "times must increase"),
    "times twice": ({"times": [0.0, 0.2, 0.2]}, InputError, "times must differ"),
    "times before 0": ({"times": [-0.1, 0.2]}, InputError, "times must be at least 0"),
    "times NaN": ({"times": [0.0, np.nan]}, InputError, "times must be finite"),
    "times of others": ({"times": np.zeros((3, 4))}, ShapeError, r"times must be \(time,\) or \(2, time\)"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(system, case):
    given, error, message = REFUSED[case]
    with pytest.raises(SynferError, match=message) as caught:
        system(**{"n_trajectories": 2, "n_samples": 3} | given)
    assert type(caught.value) is error


OWN = {
    "length": (lambda: simulate.pendulum_system(1, 2, length=0.0), InputError, "length must be above 0"),
    "damping": (lambda: simulate.pendulum_system(1, 2, damping=-1), InputError, "damping must be at least 0"),
    "order": (lambda: simulate.pendulum_system(1, 2, angle=(1, 0)), InputError, r"angle must be a pair \(low, high\)"),
    "triple": (lambda: simulate.pendulum_system(1, 2, angle=(1, 0, 2)), InputError, "angle must be a number, or"),
    "NaN": (lambda: simulate.pendulum_system(1, 2, speed=np.nan), InputError, "speed must be a finite number"),
    "size": (lambda: simulate.pendulum_system(1, 2, size=4), InputError, "size must be an integer of at least 8"),
    "lengths": (lambda: simulate.double_pendulum_system(1, 2, lengths=1.0), InputError, "lengths must be a pair"),
    "masses": (lambda: simulate.double_pendulum_system(1, 2, masses=(0, 1)), InputError, r"masses\[0\] must be above"),
    "units": (lambda: simulate.lorenz96_system(1, 2, n_units=3), InputError, "n_units must be an integer of"),
    "warmup": (lambda: simulate.lorenz96_system(1, 2, warmup=-1), InputError, "warmup must be at least 0"),
    "width": (lambda: simulate.reaction_diffusion_system(1, 2, width=0), InputError, "width must be positive"),
    "diffusion": (lambda: simulate.reaction_diffusion_system(1, 2, diffusion=-1), InputError, "diffusion must be at"),
    "speed": (lambda: simulate.wave_system(1, 2, speed=0), InputError, "speed must be above 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", OWN)
def test_refused_of_its_own(case):
    call, error, message = OWN[case]
    with pytest.raises(error, match=message):
        call()


def test_memory_is_asked_for_before_the_work(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: 10**6)
    with pytest.raises(InputError, match=r"the trajectories would need 1\.0 GB"):
        simulate.pendulum_system(10_000, 25)


def test_what_explodes_is_said():
    with pytest.raises(SimulationDivergedError, match="trajectory 3 could not be integrated to 5 s"):
        integrated(lambda _, x: x**2, np.ones(1), np.array([5.0]), 3)
