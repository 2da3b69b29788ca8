"""Structural equation models: independent samples of variables whose causes are known, seen or intervened on."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np

from synfer.arguments import checked_count, checked_number, checked_numbers, checked_seed
from synfer.connectome import Connectome
from synfer.errors import InputError
from synfer.storage import as_choice, positions, rectangular

KINDS = ("linear", "nonlinear")

_REFERENCE = 4_096  # samples that the signal's spread is measured on
_HIDDEN = 8  # terms of a nonlinear effect


class StructuralEquations:
    """A system of equations ``x_i = f_i(parents of i) + e_i`` on a directed acyclic graph, some variables hidden.

    Made by `structural_equations`. Every variable has variance 1 where nothing is intervened on, so that neither
    variances nor their order tell what causes what; of a variable with causes, they explain snr / (1 + snr).

    Attributes
    ----------
    direct : Connectome
        Among the variables that are seen. The weight of a linear effect is its coefficient, of another one its sign
        is not defined and the weight is 1.
    ancestral : Connectome
        Weight 1 where the source acts on the target at all: directly, through others, or through hidden ones.
    snr : float
    kind : str
    hidden : numpy.ndarray
        Positions, in causal order, of those that are not seen.

    Examples
    --------
    >>> from synfer.simulate import structural_equations
    >>> system = structural_equations(4, degree=1.0, snr=4.0, seed=1)
    >>> system.sample(3, do={2: 1.0}, seed=2)[:, 2].tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(self, weights: np.ndarray, seen: np.ndarray, kind: str, snr: float, rng: np.random.Generator):
        self._joined, self._seen, self.kind, self.snr = weights != 0, seen, kind, snr
        self._weights = weights
        n = len(weights)
        self.hidden = np.setdiff1d(np.arange(n), seen)
        self._mixing = rng.normal(size=(n, _HIDDEN, n)) * self._joined[:, None, :]
        self._shift, self._outer = rng.uniform(-1.0, 1.0, (n, _HIDDEN)), rng.normal(size=(n, _HIDDEN))
        self._offset, self._gain, self._noise = np.zeros(n), np.ones(n), np.ones(n)
        self._scale(rng)
        reached = self._joined.copy()
        for _ in range(int(np.ceil(np.log2(max(n, 2))))):
            reached |= (reached.astype(np.float32) @ reached.astype(np.float32)) > 0
        among = np.ix_(seen, seen)
        direct = weights * self._gain[:, None] if kind == "linear" else self._joined.astype(np.float64)
        about = {"method": f"structural_equations ({kind})", "parameters": {"snr": snr, "n_hidden": len(self.hidden)}}
        self.direct = Connectome.from_weights(direct[among], **about)
        self.ancestral = Connectome.from_weights(reached[among].astype(np.float64), **about)

    @property
    def n_units(self) -> int:
        """Variables that are seen."""
        return len(self._seen)

    def sample(self, n_samples: int, *, do: Mapping[int, Any] | None = None, seed: int = 0) -> np.ndarray:
        """Draw independent samples.

        Parameters
        ----------
        n_samples : int
        do : mapping of int to float or array (sample,), optional
            Variables that are set, by their unit, to a value or to one for each sample: their causes act on them no
            longer.
        seed : int

        Returns
        -------
        numpy.ndarray, (sample, unit), float64

        Raises
        ------
        InputError
            No mapping, an unknown variable, a value that is no number or not finite, or as many values as there are
            not samples.
        """
        n_samples = checked_count("n_samples", n_samples, 1)
        rng = np.random.default_rng([checked_seed(seed), 1])
        given: dict[int, np.ndarray] = {}
        if do is not None and not isinstance(do, Mapping):
            raise InputError(f"do must be a mapping of variables to values, such as {{0: 2.0}}; got {do!r:.60}.")
        for unit, value in (do or {}).items():
            if not isinstance(unit, Integral) or isinstance(unit, bool) or unit not in range(self.n_units):
                raise InputError(f"do must name variables in 0 to {self.n_units - 1}; got {unit!r}.")
            values = checked_numbers(f"do[{unit}]", value).astype(np.float64)
            if values.shape not in ((), (n_samples,)) or not np.isfinite(values).all():
                raise InputError(
                    f"do must give a finite number, or one for each of {n_samples} samples; got shape {values.shape} "
                    f"for variable {unit}."
                )
            given[int(self._seen[unit])] = np.broadcast_to(values, n_samples)
        return self._run(rng, n_samples, given)[:, self._seen]

    def interventions(self, units: Any, n_each: int, *, strength: float = 2.0, seed: int = 0) -> np.ndarray:
        """Draw samples under interventions on one variable after another, each set to plus or minus ``strength``.

        Parameters
        ----------
        units : sequence of int
            Variables, one an intervention.
        n_each : int
            Samples of each, of which every other has minus ``strength``.
        strength : float
            In standard deviations of a variable that is not set.
        seed : int
            Interventions have seeds ``seed``, ``seed`` + 1, ...

        Returns
        -------
        numpy.ndarray, (intervention, sample, unit)
            In the order of ``units``.

        Raises
        ------
        InputError
            Variables that are none, or a number out of its range.
        """
        strength, n_each = checked_number("strength", strength), checked_count("n_each", n_each, 1)
        given = rectangular(units, "units")
        if given.ndim != 1 or given.size == 0:
            raise InputError(f"units must be a sequence of variables, such as [0, 2]; got {units!r:.60}.")
        made = []
        for k, unit in enumerate(positions(np.arange(self.n_units), given, "units").tolist()):
            sign = np.where(np.arange(n_each) % 2 == 0, strength, -strength)
            made.append(self.sample(n_each, do={unit: sign}, seed=checked_seed(seed) + k))
        return np.stack(made)

    def _signal(self, i: int, x: np.ndarray) -> np.ndarray:
        """Give what the causes of i say, before it is scaled."""
        if self.kind == "linear":
            return np.asarray(x @ self._weights[i])
        causes = np.flatnonzero(self._joined[i])
        return np.asarray(np.tanh(x[:, causes] @ self._mixing[i][:, causes].T + self._shift[i]) @ self._outer[i])

    def _scale(self, rng: np.random.Generator) -> None:
        """Set each variable's gain and noise in causal order, on samples drawn for that."""
        x = np.zeros((_REFERENCE, len(self._joined)))
        for i in range(x.shape[1]):
            if self._joined[i].any():
                signal = self._signal(i, x)
                self._gain[i] = np.sqrt(self.snr / (1.0 + self.snr)) / signal.std()
                self._offset[i] = -self._gain[i] * signal.mean()
                self._noise[i] = np.sqrt(1.0 / (1.0 + self.snr))
                x[:, i] = self._offset[i] + self._gain[i] * signal
            x[:, i] += self._noise[i] * rng.standard_normal(_REFERENCE)

    def _run(self, rng: np.random.Generator, n_samples: int, given: dict[int, np.ndarray]) -> np.ndarray:
        noise = rng.standard_normal((n_samples, len(self._joined)))  # all of it: an intervention changes no other's
        x = np.zeros_like(noise)
        for i in range(x.shape[1]):
            if i in given:
                x[:, i] = given[i]
                continue
            x[:, i] = self._noise[i] * noise[:, i]
            if self._joined[i].any():
                x[:, i] += self._offset[i] + self._gain[i] * self._signal(i, x)
        return x


def structural_equations(
    n_units: int, *, kind: str = "linear", degree: float = 2.0, snr: float = 1.0, n_hidden: int = 0, seed: int = 0
) -> StructuralEquations:
    """Make structural equations on a random directed acyclic graph.

    Each pair of variables is joined, from the earlier in a random order to the later, with the same probability.
    Linear effects have weights uniform in +-[.5, 1] before variances are set to 1; nonlinear ones are
    ``sum_h v_h tanh(sum_j a_hj x_j + b_h)``, of eight terms, a and v normal, b uniform in [-1, 1].

    Parameters
    ----------
    n_units : int
        Variables that are seen.
    kind : {"linear", "nonlinear"}
    degree : float
        Expected number of causes of a variable.
    snr : float
        Variance that the causes of a variable explain, over that of its noise.
    n_hidden : int
        Further variables, of the same graph, that are not seen: common causes, and links between others.
    seed : int

    Returns
    -------
    StructuralEquations

    Raises
    ------
    InputError
        A number out of its range.

    Examples
    --------
    >>> from synfer.simulate import structural_equations
    >>> system = structural_equations(5, snr=4.0, seed=1)
    >>> system.sample(100, seed=2).shape, system.direct.score.shape
    ((100, 5), (5, 5))
    """
    n_units = checked_count("n_units", n_units, 2)
    n_hidden = checked_count("n_hidden", n_hidden, 0)
    as_choice(kind, "kind", KINDS)
    degree, snr = checked_number("degree", degree), checked_number("snr", snr)
    n = n_units + n_hidden
    if not 0.0 <= degree <= (n - 1) / 2:
        raise InputError(f"degree must lie in 0 to {(n - 1) / 2:g}, what an acyclic graph of {n} allows; got {degree}.")
    if snr <= 0.0:
        raise InputError(f"snr must be above 0; got {snr}.")
    rng = np.random.default_rng([checked_seed(seed), 0])
    joined = np.tri(n, k=-1, dtype=bool) & (rng.random((n, n)) < 2.0 * degree / (n - 1))
    weights = np.where(joined, rng.uniform(0.5, 1.0, (n, n)) * rng.choice([-1.0, 1.0], (n, n)), 0.0)
    seen = rng.permutation(n)[:n_units]  # in any order: positions must not tell who comes first
    return StructuralEquations(weights, seen, kind, snr, rng)
