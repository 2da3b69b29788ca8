"""What a run holds against its suite: methods of synfer's by their names, and estimators of the caller's own."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import joblib

from synfer.benchmark.settings import settings_of, signal_of
from synfer.discover import BaseDiscoverer, create
from synfer.discover.registry import prepared
from synfer.errors import InputError
from synfer.sameness import code_of, qualified

Methods = Sequence[str] | Mapping[str, str | BaseDiscoverer | type[BaseDiscoverer]]
LEFT_TO_THE_RUN = ("random_state", "progress")


@dataclasses.dataclass(frozen=True)
class Method:
    """One of them.

    Attributes
    ----------
    name : str
        In the table, and of its folder.
    known : str
        Its name among `synfer.discover.METHODS`; "" where it is an estimator of the caller's.
    estimator : BaseDiscoverer, optional
        The caller's; cloned for each fit.
    code : str or None
        What changes when the caller's code does; None where nobody can tell, so that nothing kept counts.
    """

    name: str
    known: str
    estimator: BaseDiscoverer | None = None
    code: str | None = ""

    @property
    def key(self) -> dict[str, Any]:
        """What tells it from others of its name: kept results of synfer's own names need not say more."""
        if self.estimator is None:
            return {} if self.known == self.name else {"method": self.known}
        return {"estimator": qualified(type(self.estimator)), "code": self.code}

    def parameters(self, suite: str, given: Mapping[str, Mapping[str, Any]] | None, kind: str) -> dict[str, Any]:
        """Give its parameters for a suite: the suite's or the estimator's own, above them the caller's settings."""
        above = dict((given or {}).get(self.name, {}))
        if self.estimator is None:
            return settings_of(suite, self.known, None, kind) | above
        own = self.estimator.get_params(deep=False)
        # A bar is the run's, and so are random numbers that nobody chose.
        left = {name for name in LEFT_TO_THE_RUN if name == "progress" or own.get(name) is None}
        return {name: value for name, value in own.items() if name not in left} | above

    def signal(self, suite: str, kind: str) -> str | None:
        """Give the name of the signal that it is given; None is the recording's first."""
        return signal_of(suite, self.known, kind)

    def made(self, parameters: Mapping[str, Any]) -> BaseDiscoverer:
        """Make an estimator that has not been fitted.

        Raises
        ------
        InputError, UnknownNameError
            A parameter is out of its range, or none of the method's.
        """
        if self.estimator is None:
            return create(self.known, **parameters)
        return prepared(self.estimator, **parameters)


def methods_of(methods: Any, jobs: int) -> list[Method]:
    """Read what a caller gave as methods.

    Raises
    ------
    InputError
        There is none, one is no method, or a name is none for a folder; or of several jobs, an estimator that cannot
        be sent to another process.
    """
    if isinstance(methods, Mapping):
        found = [_method(name, given, jobs) for name, given in methods.items()]
    else:
        found = [
            Method(name, name) if isinstance(name, str) else _refuse(name)
            for name in ([methods] if isinstance(methods, str) else list(methods))
        ]
    if not found:
        raise InputError("methods must name at least one method.")
    return found


def _refuse(given: Any) -> Method:
    kind = given.__name__ if isinstance(given, type) else type(given).__name__
    raise InputError(
        f"methods must be names, or estimators by a name of their own; got a {kind} without one: give {{'mine': ...}}."
    )


def _method(name: Any, given: Any, jobs: int) -> Method:
    if not isinstance(name, str) or not name.strip(". ") or set(name) & set("/\\:\0"):
        raise InputError(f"methods must be under names that a folder can have, such as 'mine'; got {name!r}.")
    if isinstance(given, str):
        return Method(name, given)
    if isinstance(given, type) and issubclass(given, BaseDiscoverer):
        try:
            given = given()
        except TypeError as error:
            raise InputError(
                f"methods[{name!r}] cannot be made without arguments ({error}): give an instance."
            ) from None
    if not isinstance(given, BaseDiscoverer):
        kind = given.__name__ if isinstance(given, type) else type(given).__name__
        raise InputError(
            f"methods[{name!r}] must be a method's name, or a BaseDiscoverer or its class; got a {kind}: derive it "
            "from synfer.discover.BaseDiscoverer."
        )
    if jobs > 1:
        _check_can_be_sent(name, given)
    return Method(name, "", given, code_of(given))


def _check_can_be_sent(name: str, estimator: BaseDiscoverer) -> None:
    try:
        pickle.dumps(joblib.wrap_non_picklable_objects(estimator, keep_wrapper=False))  # as joblib sends it
    except Exception as error:  # whatever an object's own __reduce__ raises
        raise InputError(
            f"methods[{name!r}] must be such that it can be pickled where jobs is more than 1; got a "
            f"{type(estimator).__name__} that cannot ({' '.join(str(error).split())}): take jobs=1."
        ) from None
