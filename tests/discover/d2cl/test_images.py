"""Images of pairs: against the slow twins, against closed forms, and which way round they are."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

from synfer.discover.d2cl.images import (
    Correlograms,
    Signal,
    correlograms,
    correlograms_reference,
    density_images,
    joint_density,
    joint_density_reference,
)
from synfer.discover.d2cl.pairs import Population, View
from synfer.errors import InputError, OutlierWarning

PAIRS = np.array([[0, 1], [1, 0], [2, 1], [0, 2]])


def signal(n_points=7, lengths=(60, 31), n_units=3, seed=0):
    rng = np.random.default_rng(seed)
    return Signal.of([rng.standard_normal((n, n_units)) ** 3 for n in lengths], n_points)


@pytest.mark.parametrize("n_points", [1, 7, 32])
def test_densities_are_those_of_the_twin(n_points):
    given = signal(n_points)
    lags = (0, 2, 40)  # the last fits into one of the two segments only
    np.testing.assert_allclose(
        joint_density(given, PAIRS, lags), joint_density_reference(given, PAIRS, lags), rtol=2e-5, atol=1e-6
    )


def test_blocks_of_samples_join():
    """More samples than are held at once, and lags that reach from one block into the next."""
    given = signal(3, (1100, 530), 2)
    pairs = np.array([[0, 1]])
    fast = joint_density(given, pairs, (0, 7))
    np.testing.assert_allclose(fast, joint_density_reference(given, pairs, (0, 7)), rtol=1e-4, atol=1e-6)


def test_neither_threads_nor_the_cut_of_pairs_change_a_bit():
    for n_points in (7, 32):
        given = signal(n_points, n_units=5)
        pairs = np.argwhere(~np.eye(5, dtype=bool))
        whole = joint_density(given, pairs, (0, 1), threads=1)
        np.testing.assert_array_equal(whole, joint_density(given, pairs, (0, 1), threads=2))
        for k in (0, 7, 19):
            np.testing.assert_array_equal(whole[k : k + 1], joint_density(given, pairs[k : k + 1], (0, 1)))


def test_a_gaussian_s_density_is_the_closed_form():
    """Kernels widen a Gaussian of correlation r to covariance [[1 + h^2, r], [r, 1 + h^2]]."""
    rng = np.random.default_rng(1)
    r = 0.6
    x = rng.multivariate_normal([0, 0], [[1, r], [r, 1]], 40_000)
    given = Signal.of([x], 9)
    (density,) = joint_density(given, np.array([[0, 1]]), (0,))[0]
    h = float(given.bandwidth[0])
    covariance = np.array([[1 + h**2, r], [r, 1 + h**2]])
    points = np.stack(np.meshgrid(given.grid[0], given.grid[1], indexing="ij"), -1)
    form = np.einsum("abi,ij,abj->ab", points, np.linalg.inv(covariance), points)
    expected = np.exp(-0.5 * form) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    np.testing.assert_allclose(density, expected, atol=0.006)  # about four standard errors at the peak


def test_many_short_stretches_of_independent_units_are_flat_at_long_lags_too():
    """What a lag leaves of a stretch is its beginning or its end, where a unit may be elsewhere than in the middle."""
    rng = np.random.default_rng(2)
    stretches = [np.column_stack([3.0 * 0.8 ** np.arange(30.0), rng.standard_normal(30)]) for _ in range(40)]
    stretches = [s + 0.1 * rng.standard_normal(s.shape) for s in stretches]
    given = Signal.of(stretches, 8)
    near, far = density_images(given, np.array([[0, 1]]), (0, 20), relative=True)[0, :2]
    assert np.abs(near).max() < 1.0 and np.abs(far).max() < 1.0
    source, target, count = given.marginals(20)
    assert count == 400
    whole = joint_density_reference(given, np.array([[0, 1]]), (20,))[0, 0]
    assert not np.allclose(source[0], given.marginals(0)[0][0], atol=0.1)
    weight = np.gradient(given.grid[1].astype(float))
    assert np.corrcoef((whole * weight).sum(1), source[0])[0, 1] > 0.95 and target.shape == source.shape


def test_what_is_relative_to_independence_is_flat_without_it_and_the_normal_law_s_with_it():
    rng = np.random.default_rng(1)
    r = 0.6
    x = np.column_stack([rng.multivariate_normal([0, 0], [[1, r], [r, 1]], 40_000), rng.standard_normal(40_000)])
    given = Signal.of([x], 9)
    h2 = float(given.bandwidth[0]) ** 2
    normal = np.exp(-0.5 * given.grid.astype(float) ** 2 / (1 + h2)) / np.sqrt(2 * np.pi * (1 + h2))
    np.testing.assert_allclose(given.marginals(0)[0], normal, atol=0.016)  # four standard errors
    joined, apart = density_images(given, np.array([[0, 1], [0, 2]]), (0,), relative=True)
    assert np.abs(apart[0]).max() < 0.15
    covariance = np.array([[1 + h2, r], [r, 1 + h2]])
    points = np.stack(np.meshgrid(given.grid[0], given.grid[1], indexing="ij"), -1)
    form = np.einsum("abi,ij,abj->ab", points, np.linalg.inv(covariance) - np.eye(2) / (1 + h2), points)
    expected = -0.5 * form - 0.5 * np.log(np.linalg.det(covariance) / (1 + h2) ** 2)
    middle = np.exp(expected) * normal[0][:, None] * normal[1] > 0.01  # where there are samples to tell it by
    np.testing.assert_allclose(joined[0][middle], expected[middle], atol=0.15)
    np.testing.assert_array_equal(joined[1:], density_images(given, np.array([[0, 1]]), (0,))[0, 1:])


def test_the_source_s_value_runs_down_the_rows_and_its_past_leads():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((4000, 2))
    x[3:, 1] = x[:-3, 0] + 0.1 * x[3:, 1]  # 0 -> 1, three samples later
    given = Signal.of([x], 16)
    forth, back = (density_images(given, np.array([pair]), (3,))[0] for pair in ([0, 1], [1, 0]))
    assert np.trace(forth[0]) > 2 * np.trace(back[0])
    assert (np.diff(forth[1], axis=0) > 0).all()  # the source's coordinate
    assert (np.diff(forth[2], axis=1) > 0).all()
    now = density_images(given, np.array([[0, 1], [1, 0]]), (0,))
    np.testing.assert_allclose(now[0, 0], now[1, 0].T, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("lags", [(0, 60), (-1,)])
def test_lags_beyond_every_segment_are_refused(lags):
    with pytest.raises(InputError, match=r"lags must lie in 0 to 59, the longest stretch having 60 samples; got"):
        joint_density(signal(), PAIRS, lags)


def test_samples_may_lie_in_any_order():
    x = np.random.default_rng(6).standard_normal((50, 4))
    views = (x, np.asfortranarray(x), x.astype(np.float64)[:, [0, 1, 2, 3]])
    made = [joint_density(Signal.of([view], 8), PAIRS, (0,)) for view in views]
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


def test_the_core_refuses_what_would_reach_beyond_its_arrays():
    given = signal()
    with pytest.raises(ValueError, match="source and target must be units"):
        joint_density(given, np.array([[0, 3]]), (0,))
    with pytest.raises(ValueError, match="segment reaches beyond samples"):
        joint_density(Signal(given.samples[:80].copy(), given.segment, given.grid, given.bandwidth), PAIRS, (0,))


def test_correlograms_are_those_of_the_twin():
    rng = np.random.default_rng(3)
    segments = [rng.poisson(0.2, (n, 3)) for n in (50, 4, 33)]  # one is shorter than the lags
    np.testing.assert_array_equal(correlograms(segments, 6), correlograms_reference(segments, 6))


def test_a_correlogram_s_peak_lies_at_the_delay_of_the_target():
    rng = np.random.default_rng(4)
    x = (rng.random((20_000, 2)) < 0.02).astype(float)
    x[5:, 1] = np.maximum(x[5:, 1], x[:-5, 0])  # 0 -> 1, five samples later
    image = Correlograms([x], 32).images(np.array([[0, 1], [1, 0]]))
    assert image.shape == (2, 3, 32, 32)
    assert np.unravel_index(image[0, 0].argmax(), (32, 32))[1] == 16 + 5
    assert np.unravel_index(image[1, 0].argmax(), (32, 32))[1] == 16 - 5


def test_correlograms_are_smoothed_as_one_by_one():
    rng = np.random.default_rng(8)
    segments = [rng.poisson(0.2, (n, 7)) for n in (300, 90)]
    n_points, half = 12, 6
    counts = correlograms(segments, half)
    pairs = np.argwhere(~np.eye(7, dtype=bool))  # more than are smoothed in one product
    images = Correlograms(segments, n_points).images(pairs)
    sigmas = np.geomspace(0.5, n_points / 4.0, n_points)
    for (source, target), image in zip(pairs, images, strict=True):
        for channel, (i, j) in enumerate(((target, source), (source, source), (target, target))):
            for scale, sigma in enumerate(sigmas):
                for column in range(n_points):
                    excess = variance = 0.0
                    for lag in range(-half, half + 1):
                        weight = np.exp(-0.5 * ((column - half - lag) / sigma) ** 2)
                        expected = sum(
                            s[:, i].sum() * s[:, j].sum() * max(len(s) - abs(lag), 0) / len(s) ** 2 for s in segments
                        )
                        variance += weight**2 * expected
                        if i != j or lag != 0:
                            excess += weight * (counts[i, j, lag + half] - expected)
                    value = np.arcsinh(excess / max(np.sqrt(variance), 1.0))
                    assert image[channel, scale, column] == pytest.approx(value, rel=1e-5, abs=1e-6)


def test_an_image_does_not_depend_on_the_others_asked_for():
    x = np.random.default_rng(9).poisson(0.1, (2_000, 9))
    pairs = np.argwhere(~np.eye(9, dtype=bool))
    made = Correlograms([x], 32)
    together = made.images(pairs)
    apart = np.concatenate([made.images(pairs[k : k + 1]) for k in range(len(pairs))])
    np.testing.assert_array_equal(together, apart)


def test_independent_trains_have_correlograms_of_unit_spread():
    rng = np.random.default_rng(5)
    x = (rng.random((50_000, 6)) < 0.05).astype(float)
    pairs = np.argwhere(~np.eye(6, dtype=bool))
    cross = np.sinh(Correlograms([x[:30_000], x[30_000:]], 16).images(pairs)[:, 0, 0])  # the finest scale
    assert abs(cross.mean()) < 0.15
    assert 0.8 < cross.std() < 1.2


def test_an_artefact_that_blanks_a_unit_s_images_is_warned_of():
    x = np.random.default_rng(7).standard_normal((500, 4))
    view = View("density", (0,), 32, 8, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", OutlierWarning)
        Population([x], view, np.array(list("abcd")))
        Population([np.exp(x)], view, np.array(list("abcd")))  # skewed, and still to be seen
    x[100, 2] = 1e4
    with pytest.warns(OutlierWarning, match="unit c nearly always lies within one bandwidth"):
        image = Population([x], view, np.array(list("abcd"))).images(np.array([[0, 2]]))[0, 0]
    assert np.ptp(image, axis=1).max() < 0.01 * image.max()  # which is so: along the target nothing changes


SHORT_OF_MEMORY = """
import resource, sys
import numpy as np
from synfer import _core

rng = np.random.default_rng(0)
samples, grid = rng.normal(size=(2000, 10)).astype("f4"), np.tile(np.linspace(-3, 3, 256, dtype="f4"), (10, 1))
source, target = (a.ravel().astype("i8") for a in np.meshgrid(np.arange(10), np.arange(10)))

def made():
    return _core.joint_density(
        samples, grid, np.full(10, 0.3, "f4"), np.array([0, 2000]), source, target, np.array([0, 1]), 2
    )

made()  # its threads and their arenas
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + int(sys.argv[1]),) * 2)
try:
    made()
except MemoryError:
    print("none left")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit of memory, and /proc")
@pytest.mark.parametrize("less", [-600_000, -200_000, 0, 300_000])
def test_want_of_memory_is_told_and_does_not_end_the_process(less):
    """Kernels of ten units of 256 points hold 5.3 MB; what threads take of their own comes on top."""
    limit = 10 * 513 * 256 * 4 + less
    ended = subprocess.run([sys.executable, "-c", SHORT_OF_MEMORY, str(limit)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-500:]
    assert ended.stdout in ("", "none left\n")
