"""The kernels' random numbers: known answers, accuracy, distribution, at every instruction level."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch  # noqa: F401

from synfer import _core
from synfer.simulate.reference import normal_numbers, philox

# From the authors' Random123 distribution, kat_vectors: philox4x32, 10 rounds.
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_philox_gives_the_known_answers(level: str, counter: list, key: list, answer: list) -> None:
    given = np.tile(np.array(counter, np.uint32), (40, 1))  # enough to fill vectors and leave a rest
    words = _core.philox(given, np.array(key, np.uint32))
    assert words.tolist() == [answer] * 40
    assert philox(given, tuple(key)).tolist() == [answer] * 40


def test_philox_agrees_with_the_twin_on_any_counter(level: str) -> None:
    counters = np.random.default_rng(1).integers(0, 2**32, (1000, 4), dtype=np.uint32)
    key = np.array([7, 2**32 - 9], np.uint32)
    assert np.array_equal(_core.philox(counters, key), philox(counters, tuple(key.tolist())))


def test_words_are_uniform_and_their_bits_are_tossed() -> None:
    """Of the counters that a simulation uses: few units, many steps."""
    steps, units = np.meshgrid(np.arange(25_000, dtype=np.uint32), np.arange(10, dtype=np.uint32), indexing="ij")
    counters = np.stack([np.full(steps.size, 3, np.uint32), units.ravel(), steps.ravel(), np.zeros(steps.size)], 1)
    words = _core.philox(counters.astype(np.uint32), np.array([1, 0], np.uint32))
    n = words.size
    assert scipy.stats.kstest((words.ravel() + 0.5) / 2**32, "uniform").pvalue > 1e-3
    set_bits = np.array([(words >> bit & 1).sum() for bit in range(32)])
    assert np.all(np.abs(set_bits - n / 2) < 4.5 * np.sqrt(n) / 2)


@pytest.mark.parametrize(("single", "tolerance"), [(True, 2e-6), (False, 1e-14)])
def test_normal_numbers_are_accurate(level: str, single: bool, tolerance: float) -> None:
    n = 400_000
    z = _core.gaussian(seed=2**40 + 3, id=5, unit=2, count=n, single=single)
    exact = normal_numbers(2**40 + 3, 5, 3, n)[:, 2]
    error = np.abs(z - exact)
    assert error.max() < tolerance * 6.7
    # Relative to the pair's radius too: small numbers are not made of rounding noise.
    radius = np.repeat(np.hypot(exact[0::2], exact[1::2]), 2)
    assert (error / radius).max() < tolerance


def test_normal_numbers_are_normal() -> None:
    z = _core.gaussian(seed=11, id=0, unit=0, count=2_000_000, single=True).astype(np.float64)
    n = len(z)
    assert abs(z.mean()) < 4 / np.sqrt(n)
    assert abs(z.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs(scipy.stats.skew(z)) < 4 * np.sqrt(6 / n)
    assert abs(scipy.stats.kurtosis(z)) < 4 * np.sqrt(24 / n)
    assert scipy.stats.kstest(z, "norm").pvalue > 1e-3
    # The tail beyond 4.5, where a poor uniform or logarithm shows first.
    expected = n * 2 * scipy.stats.norm.sf(4.5)
    assert abs((np.abs(z) > 4.5).sum() - expected) < 5 * np.sqrt(expected)


def test_streams_of_units_networks_seeds_and_steps_are_independent() -> None:
    n = 20_000
    streams = [
        _core.gaussian(seed=seed, id=network, unit=unit, count=n, single=True)
        for seed in (0, 1, 2**32) for network in (0, 1) for unit in (0, 1)
    ]  # fmt: skip
    z = np.stack([*streams, np.roll(streams[0], 1), np.roll(streams[0], 2), np.roll(streams[0], 4)])
    correlation = np.corrcoef(z) - np.eye(len(z))
    assert np.abs(correlation).max() < 5 / np.sqrt(n)
    squares = np.corrcoef(z**2) - np.eye(len(z))
    assert np.abs(squares).max() < 5 / np.sqrt(n)
