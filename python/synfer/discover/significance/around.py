"""What is put around an estimator: fit it again on samples that were cut, resampled or made anew."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval
from tqdm import tqdm

from synfer.connectome import Connectome
from synfer.discover import _checks
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.errors import InputError, NotConvergedWarning, SynferError

FIELDS = ("score", "weight", "pvalue", "delay", "score_std", "interval_low", "interval_high")


class AroundEstimator(BaseDiscoverer):
    """A discoverer that fits another one, ``estimator``, many times.

    A subclass has the parameters ``estimator`` and ``random_state``, and ``n_jobs`` where it uses `_each`.

    Attributes
    ----------
    estimator_ : BaseDiscoverer
        A clone, fitted to the samples as they are.
    n_unconverged_ : int
        Fits to resampled samples that did not converge, or failed.
    """

    estimator: Any
    n_jobs: int | None
    random_state: Any

    # What the estimator takes is taken: another class is refused by `_min_samples`.
    @property
    def _takes_missing(self) -> bool:  # type: ignore[override]
        return bool(getattr(self.estimator, "_takes_missing", False))

    @property
    def _takes_drift(self) -> bool:  # type: ignore[override]
        return bool(getattr(self.estimator, "_takes_drift", False))

    @property
    def _takes_few(self) -> bool:  # type: ignore[override]
        return bool(getattr(self.estimator, "_takes_few", False))

    def _min_samples(self, n_units: int) -> int:
        self._refuse_other()
        return int(self.estimator._min_samples(n_units))

    def _refuse_other(self) -> None:
        if not isinstance(self.estimator, BaseDiscoverer):
            raise InputError(
                "estimator must be one of synfer.discover, such as ConditionalGranger(); got "
                f"{'a class' if isinstance(self.estimator, type) else 'a ' + type(self.estimator).__name__}."
            )

    def _fitted(self, samples: Samples) -> BaseDiscoverer:
        """Fit a clone of the estimator to all samples, its warnings passed on."""
        estimator = clone(self.estimator)
        _checks.check_parameters(estimator)
        return estimator._fit_samples(samples)

    def _each(
        self,
        make: Callable[[Samples, int], Samples],
        samples: Samples,
        seeds: Iterable[int],
        estimator: BaseDiscoverer | None = None,
    ) -> list[Connectome]:
        """Fit a clone (of ``estimator``, if given) to what ``make`` gives for each seed; those that fail are left out.

        How many is counted. Where the estimator draws random numbers, each fit has that seed too: an initialisation of
        its own.
        """
        seeds = list(seeds)
        call = joblib.delayed(functools.partial(fit_fresh, tested=False))  # nobody reads these fits' p-values
        parallel = joblib.Parallel(n_jobs=self.n_jobs, return_as="generator")
        found = parallel(call(estimator or self.estimator, make, samples, seed) for seed in seeds)
        bar = tqdm(found, total=len(seeds), desc=type(self).__name__, unit=" fits", delay=2, leave=False, disable=None)
        results = list(bar)
        self.n_unconverged_ = sum(not converged for _, converged in results)
        kept = [connectome for connectome, _ in results if connectome is not None]
        if len(kept) < (len(seeds) + 1) // 2:
            raise InputError(
                f"{type(self).__name__}: {len(seeds) - len(kept)} of {len(seeds)} fits to resampled samples failed: "
                "take longer pieces, or record for longer."
            )
        if 10 * self.n_unconverged_ > len(seeds):
            warnings.warn(
                f"{self.n_unconverged_} of {len(seeds)} fits to resampled samples did not converge: give the estimator "
                "more iterations, or longer pieces.",
                NotConvergedWarning,
                stacklevel=5,
            )
        return kept

    def _around(self, samples: Samples, found: Connectome, **fields: Any) -> Connectome:
        """Give what the estimator found under this method's name, some fields replaced."""
        values: dict[str, Any] = {}
        for name in FIELDS:
            field = getattr(found, name)
            values[name] = None if field is None else np.asarray(field)
        values |= {name: None if value is None else np.asarray(value) for name, value in fields.items()}
        return self._connectome(samples, values.pop("score"), converged=found.converged, **values)


def fit_fresh(
    estimator: BaseDiscoverer,
    make: Callable[[Samples, int], Samples],
    samples: Samples,
    seed: int,
    *,
    tested: bool = True,
) -> tuple[Connectome | None, bool]:
    """Fit a clone, with that seed where it draws any, to ``make(samples, seed)``: what it found, and if it converged.

    A fit that fails gives None. One that is not ``tested`` draws no surrogates of its own, where it can do without.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fresh = clone(estimator)
            if "random_state" in fresh.get_params(deep=False):
                fresh.set_params(random_state=seed)
            if not tested and any(0 in interval for interval in _ranges(fresh, "n_surrogates")):
                fresh.set_params(n_surrogates=0)
            found = fresh._fit_samples(make(samples, seed)).connectome_
        except (SynferError, np.linalg.LinAlgError):
            return None, False
    return found, found.converged is not False


def _ranges(estimator: BaseDiscoverer, name: str) -> list[Interval]:
    return [one for one in estimator._parameter_constraints.get(name, []) if isinstance(one, Interval)]


def off_diagonal(values: np.ndarray) -> np.ndarray:
    """Give the pairs (pair,) of a matrix (target, source) but for its diagonal, row by row."""
    return np.asarray(values)[~np.eye(len(values), dtype=bool)]


def as_pairs(values: np.ndarray, n_units: int) -> np.ndarray:
    """Undo `off_diagonal`; the diagonal is NaN."""
    matrix = np.full((n_units, n_units), np.nan)
    matrix[~np.eye(n_units, dtype=bool)] = values
    return matrix
