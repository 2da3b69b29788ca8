"""How the many fits of one card are made: in parallel, each kept as soon as it is there."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from tqdm import tqdm

from synfer.connectome import Connectome
from synfer.discover import BaseDiscoverer, Samples
from synfer.discover.significance.around import fit_fresh
from synfer.errors import InputError, SynferError
from synfer.storage import StrPath, as_path, version_of

Answer = tuple[Connectome | None, bool]
"""What was found, None where the fit failed; and whether it converged."""


@dataclasses.dataclass(frozen=True)
class Work:
    """How the fits of one card are made: in parallel, and each kept as soon as it is there."""

    estimator: BaseDiscoverer
    samples: Samples
    n_jobs: int | None
    home: Path | None

    def each(self, what: str, makes: Sequence[Callable[[Samples, int], Samples]], first: Any) -> list[Answer]:
        """Fit the estimator to what each of ``makes`` gives for a seed of its own, from ``first`` on."""
        call = joblib.delayed(_kept)
        parallel = joblib.Parallel(n_jobs=self.n_jobs, return_as="generator")
        found = parallel(
            call(self.estimator, make, self.samples, int(first) + k, self.home) for k, make in enumerate(makes)
        )
        return list(tqdm(found, total=len(makes), desc=what, unit=" fits", delay=2, leave=False, disable=None))

    def why(self, make: Callable[[Samples, int], Samples], seed: int) -> str:
        """Say why such a fit fails: by failing once more."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                clone(self.estimator)._fit_samples(make(self.samples, seed))
            except (SynferError, np.linalg.LinAlgError) as error:
                return " ".join(str(error).split())
        return "not every time"


def _kept(estimator: BaseDiscoverer, make: Any, samples: Samples, seed: int, home: Path | None) -> Answer:
    """Fit, or read what an earlier fit to the very same samples found."""
    if home is None:
        return fit_fresh(estimator, make, samples, seed)
    made = make(samples, seed)
    path = home / f"{_digest(estimator, made, seed)}.nc"
    if path.exists():
        found = Connectome.load(path)
        return found, found.converged is not False
    answer = fit_fresh(estimator, lambda given, _: given, made, seed)
    if answer[0] is not None:
        answer[0].save(path)
    return answer


def _digest(estimator: BaseDiscoverer, samples: Samples, seed: int) -> str:
    parameters = {name: _told(name, value) for name, value in sorted(estimator.get_params(deep=True).items())}
    seed = seed if "random_state" in parameters else 0
    told = json.dumps([type(estimator).__name__, parameters, seed, samples.dt, samples.signal, version_of("synfer")])
    digest = hashlib.sha256(told.encode())
    for segment in samples.segments:
        digest.update(repr((segment.shape, segment.dtype.str)).encode())
        digest.update(np.ascontiguousarray(segment).tobytes())
    return digest.hexdigest()[:32]


def _told(name: str, value: Any) -> str:
    """Tell a parameter's value from all others: by what it holds, as repr leaves out the middle of a long array."""
    if isinstance(value, BaseDiscoverer):
        return type(value).__name__  # its own parameters stand beside it
    try:
        return str(joblib.hash(value))
    except Exception as error:  # pickle raises what the object pleases
        raise InputError(
            f"cache: the estimator's {name} cannot be told from others ({type(error).__name__}): leave the cache out."
        ) from None


def home_of(cache: StrPath | None) -> Path | None:
    """Give the folder in which fits are kept, made where it is missing."""
    if cache is None:
        return None
    home = as_path(cache, "cache")
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cache must be a folder, or a place for one; got {str(cache)!r} ({error.strerror})."
        ) from None
    return home
