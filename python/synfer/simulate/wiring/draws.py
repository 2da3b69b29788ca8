"""Random numbers by seed, network and stream; which pairs are joined, at a cost of the edges and not of the pairs."""

from __future__ import annotations

import numpy as np

WIRING_STREAM, PARAMETER_STREAM, WEIGHT_STREAM, DELAY_STREAM, POSITION_STREAM = range(5)
"""What is drawn of one network, each from random numbers of its own: other weights leave the edges as they are."""
INITIAL_STREAM, CALCIUM_STREAM, HIDING_STREAM, NOISE_STREAM = range(16, 20)
"""And of its run: first states, and the steps of observing, which often have the run's seed. All streams stand here."""

DENSE_ABOVE = 0.25
"""Probability above which every pair is looked at."""
CHUNK = 2**22
"""Pairs looked at in one go."""


def generator_of(seed: int, network_id: int, stream: int) -> np.random.Generator:
    """Give the random generator of one network of a seed: Philox, the same whatever batch the network stands in."""
    key = np.array([seed, network_id], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.array([0, 0, 0, stream], np.uint64)))


class Generators:
    """What `generator_of` gives for network after network of one stream, made ready in a fifth of the time.

    It is one generator: whoever asks for that of the next network has done with the one before.

    Parameters
    ----------
    seed, stream : int
        As for `generator_of`.
    """

    def __init__(self, seed: int, stream: int) -> None:
        self.generator = generator_of(seed, 0, stream)
        self.fresh = self.generator.bit_generator.state

    def of(self, network_id: int) -> np.random.Generator:
        """Give the generator at the beginning of a network's numbers."""
        self.fresh["state"]["key"][1] = network_id
        self.generator.bit_generator.state = self.fresh
        return self.generator


def bernoulli_pairs(random: np.random.Generator, n_pairs: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose each pair of each block independently, with its block's probability.

    Where that is small, points fall on the pairs of a block as a Poisson process of rate -log(1 - p) a pair: some fall
    on a pair with probability p exactly, independently of the others.

    Parameters
    ----------
    random : numpy.random.Generator
        Where the random numbers are from.
    n_pairs : array (block,) of int
        Pairs in each block.
    p : array (block,)
        Probability of each block, in [0, 1].

    Returns
    -------
    block, index : array (chosen,) of int
        The block of each pair chosen, and which of its pairs it is, from 0; in order of both.
    """
    first = np.concatenate([[0], np.cumsum(n_pairs)])
    dense = p > DENSE_ABOVE
    n_points = random.poisson(n_pairs * -np.log1p(-np.where(dense, 0.0, p)))
    points = np.repeat(first[:-1], n_points) + random.integers(0, np.repeat(n_pairs, n_points))
    points.sort()
    chosen = [points[np.diff(points, prepend=-1) > 0]]

    blocks = np.flatnonzero(dense)
    ends = np.cumsum(n_pairs[blocks])
    total = int(ends[-1]) if len(blocks) else 0
    for start in range(0, total, CHUNK):
        stop = min(start + CHUNK, total)
        here = np.diff(np.clip(ends, start, stop), prepend=start)  # pairs of each block in this chunk
        hit = start + np.flatnonzero(random.random(stop - start) < np.repeat(p[blocks], here))
        of = np.searchsorted(ends, hit, side="right")
        chosen.append(first[blocks[of]] + hit - (ends[of] - n_pairs[blocks[of]]))
    pairs = np.concatenate(chosen)
    if len(chosen) > 2 or (total and len(points)):
        pairs.sort()
    counts = np.diff(np.searchsorted(pairs, first))
    block = np.repeat(np.arange(len(n_pairs)), counts)
    return block, pairs - first[block]


def distinct_numbers(
    random: np.random.Generator, n_rows: int, k: int, n: int, taken: np.ndarray | None = None
) -> np.ndarray:
    """Choose k different numbers below n for each row, every such set equally likely.

    Parameters
    ----------
    random : numpy.random.Generator
        Where the random numbers are from.
    n_rows, k, n : int
        Rows, numbers a row, and how many there are to choose from; k <= n.
    taken : array (n_rows, k) of int, optional
        Numbers that a row has already, different ones, and -1 where one is to be drawn.

    Returns
    -------
    array (n_rows, k) of int
        Increasing along each row.
    """
    chosen = np.full((n_rows, k), -1, np.int64) if taken is None else taken.astype(np.int64)
    if 2 * k > n:
        for start in range(0, n_rows, max(CHUNK // n, 1)):
            _fill_by_rank(random, chosen[start : start + max(CHUNK // n, 1)], n)
        return chosen
    # The set of the first k different ones among equally likely numbers is an equally likely set.
    rows = np.arange(n_rows)
    while rows.size:
        part = chosen[rows]
        missing = part < 0
        part[missing] = random.integers(0, n, np.count_nonzero(missing))
        part.sort(axis=1)
        part[:, 1:][part[:, 1:] == part[:, :-1]] = -1
        chosen[rows] = part
        rows = rows[(part < 0).any(axis=1)]
    return chosen


def _fill_by_rank(random: np.random.Generator, chosen: np.ndarray, n: int) -> None:
    """Fill rows in place with the numbers whose random keys are smallest; those taken come first."""
    k = chosen.shape[1]
    keys = random.random((len(chosen), n))
    row, column = np.nonzero(chosen >= 0)
    keys[row, chosen[row, column]] = -1.0
    chosen[:] = np.sort(np.argpartition(keys, k - 1, axis=1)[:, :k], axis=1)


def preferential_attachment(random: np.random.Generator, n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Grow a graph as Barabasi and Albert (1999): each new unit joins m others, likelier those with more edges.

    It starts from a star of m + 1 units, as networkx.barabasi_albert_graph does.

    Parameters
    ----------
    random : numpy.random.Generator
        Where the random numbers are from.
    n, m : int
        Units, and edges that each brings; 1 <= m < n.

    Returns
    -------
    new, old : array (edge,) of int
        The ends of the m (n - m) edges; units are numbered in order of arrival.
    """
    ends = np.empty(2 * m * (n - m), np.int64)  # each unit as often as it has edges
    ends[:m], ends[m : 2 * m] = np.arange(1, m + 1), 0
    for unit in range(m + 1, n):
        filled = 2 * m * (unit - m)
        others = np.unique(ends[random.integers(0, filled, m)])
        while len(others) < m:
            others = np.unique(np.append(others, ends[random.integers(0, filled, m - len(others))]))
        ends[filled : filled + m], ends[filled + m : filled + 2 * m] = unit, others
    pairs = ends.reshape(n - m, 2, m)
    return pairs[:, 0].ravel(), pairs[:, 1].ravel()
