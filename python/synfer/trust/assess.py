"""Ask all of it of one recording and one method."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from synfer.connectome import Connectome
from synfer.discover import BaseDiscoverer, ConditionalGranger, CrossCorrelation, Samples, _checks
from synfer.discover.origin import estimator_of, refuse_other
from synfer.discover.significance.around import fit_fresh, off_diagonal
from synfer.discover.significance.surrogates import CircularShift, Surrogate, as_surrogate
from synfer.errors import InputError
from synfer.recording import Recording
from synfer.storage import StrPath, version_of
from synfer.trust import plants, repeats
from synfer.trust.card import Card, Null, Power, digest_of
from synfer.trust.echo import Echo, echo_of
from synfer.trust.forecasts import course_of, forecasts_of
from synfer.trust.measures import exceeds, features_of, pairs_of, share_of_edges, tails
from synfer.trust.own import OwnHistory, own_histories
from synfer.trust.predictor import Predictor
from synfer.trust.reference import WARN_BELOW, predictions, reference_of
from synfer.trust.resolution import warn_of_coarse
from synfer.trust.twins import Observation, Twin, edge_free, signal_kind
from synfer.trust.work import Answer, Work, home_of

ALPHA = 0.05
STRENGTHS = (0.03, 0.1, 0.3)
STEPS = ("planted_weak", "planted_middle", "planted_strong")
BY_REFERENCE = "reference"
GIVEN = {"signal", "stretches", "samples", "t0", "file"}
"""What a fit may be given: what else it was, its connectome's provenance names too."""


def assess(
    recording: Any,
    estimator: BaseDiscoverer | None = None,
    *,
    connectome: Connectome | None = None,
    signal: str | None = None,
    observation: Observation | None = None,
    n_twins: int = 4,
    n_surrogates: int = 4,
    surrogate: str | Surrogate = "circular_shift",
    n_halves: int = 2,
    n_initialisations: int = 3,
    strengths: Sequence[float] = STRENGTHS,
    n_plantings: int = 2,
    n_echoes: int = 2,
    predictor: Predictor | str | None = BY_REFERENCE,
    cache: StrPath | None = None,
    n_jobs: int | None = None,
    random_state: int = 0,
) -> Card:
    """Say how far a method's answer about a recording can be trusted.

    Parameters
    ----------
    recording : Recording, or array (time, unit)
    estimator : BaseDiscoverer, optional
        Not fitted; by default the one that found ``connectome``, made anew.
    connectome : Connectome, optional
        What it found in this recording; by default it is fitted.
    signal : str, optional
        Which signal of a Recording of several; by default the connectome's.
    observation : callable, optional
        How the recording was made of membrane potentials and spikes (`synfer.trust.twins.edge_free`).
    n_twins, n_surrogates : int
        Edge-free networks like the units, and surrogates, that are fitted; 0 leaves them out.
    surrogate : str or Surrogate
        Of `synfer.discover.significance`.
    n_halves : int
        Pairs of complementary halves; 0 leaves them out.
    n_initialisations : int
        Of an estimator that has a ``random_state``.
    strengths : sequence of float
        Of planted edges, rising.
    n_plantings : int
        Choices of pairs to plant at, each strength fitted at each; 0 leaves them out.
    n_echoes : int
        Linear networks, wired as was found, in which that is to be found again; 0 leaves them out.
    predictor : Predictor, "reference" or None
        Who predicts AUROC, FDR and power: by default the methods made for such a signal, fitted to it as well, of which
        the one that tells most is believed (`synfer.trust.reference`); else what was learnt from a table of one's own.
    cache : path, optional
        Folder in which each fit is kept, so that a card that was broken off goes on.
    n_jobs : int, optional
        Fits at a time (joblib).
    random_state : int

    Returns
    -------
    Card

    Raises
    ------
    InputError
        Neither estimator nor connectome is given, they or the recording do not belong together, a number is out of its
        range, no null is left to hold scores against, or all fits to one failed.

    Warns
    -----
    ResolutionWarning
        Twins or surrogates are so few that p-values which are right look three times too small, of a method with such.

    Examples
    --------
    >>> from synfer import trust
    >>> from synfer.discover import ConditionalGranger
    >>> from synfer.simulate import run, var_coefficients, var_network
    >>> seen = run(var_network(var_coefficients(6, seed=1)), 2.0, initial_state="stationary", seed=1)
    >>> card = trust.assess(seen, ConditionalGranger(lag=1), predictor=None)
    >>> [null.kind for null in card.nulls]
    ['twins', 'circular_shift']
    """
    counts = {"n_twins": n_twins, "n_surrogates": n_surrogates, "n_halves": n_halves}
    counts |= {"n_plantings": n_plantings, "n_echoes": n_echoes}
    for name, count in {**counts, "n_initialisations": n_initialisations, "random_state": random_state}.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise InputError(f"{name} must be a whole number of at least 0; got {count!r}.")
    if n_twins + n_surrogates == 0:
        raise InputError("n_twins and n_surrogates must not both be 0: there is nothing to hold scores against.")
    strengths = _rising(strengths)
    if not (predictor is None or isinstance(predictor, Predictor) or predictor == BY_REFERENCE):
        raise InputError(f"predictor must be a Predictor, 'reference' or None; got {predictor!r}.")
    estimator, signal = _given(recording, estimator, connectome, signal)
    samples = clone(estimator)._read(recording, signal, reset=True)
    seeds = np.random.SeedSequence(int(random_state)).generate_state(8) // 8
    shift = as_surrogate(surrogate)
    work = Work(estimator, samples, n_jobs, home_of(cache))
    fitted = connectome if connectome is not None else _fitted(estimator, samples)
    if fitted.pvalue is not None:  # one fit is done, the many are not
        warn_of_coarse({"twins": n_twins, shift.name: n_surrogates}, samples.n_units)
    found = fitted.to_matrix().sel(units=samples.unit_ids)
    answers: list[Answer] = []

    known = recording if isinstance(recording, Recording) else None
    twins = [edge_free(samples, known, observation=observation, seed=int(seeds[0]) + 10 * k) for k in range(n_twins)]
    of_twins = work.each("twins", [functools.partial(_twin, twin=twin) for twin in twins], seeds[1])
    if n_surrogates:
        shift.check(samples)
    of_surrogates = work.each(
        f"surrogates_{shift.name}", [functools.partial(_drawn, kind=shift)] * n_surrogates, seeds[2]
    )
    answers += of_twins + of_surrogates
    nulls, left_out = [], {}
    for kind, drawn, made, one in (
        ("twins", of_twins, _told(twins) if twins else {}, functools.partial(_twin, twin=twins[0]) if twins else _same),
        (shift.name, of_surrogates, {}, functools.partial(_drawn, kind=shift)),
    ):
        if _there(drawn):
            nulls.append(_null(kind, _there(drawn), made))
        elif drawn:
            left_out[kind] = work.why(one, int(seeds[1 if kind == "twins" else 2]))
    if not nulls:
        raise InputError("; ".join(f"recording: all fits to {kind} failed: {why}" for kind, why in left_out.items()))
    alike = None
    if n_initialisations > 1 and "random_state" in estimator.get_params(deep=False):
        again = work.each("initialisations", [_same] * n_initialisations, seeds[3])
        answers += again
        alike = repeats.agreement(_there(again))
    share = _share(found, _there(of_twins) or _there(of_surrogates))
    halves, halves_auroc, of_halves = _halves(work, n_halves, share, int(seeds[4]))
    answers += of_halves
    power, planted = _power(work, found, strengths, n_plantings, nulls[0].level, seeds)
    answers += planted
    echo, echoed = _echo(work, found, share, n_echoes, seeds)
    answers += [answer for answer in echoed if answer[0] is not None]  # not each method takes what is linear
    forecasts, course = forecasts_of(samples, estimator), course_of(samples)
    given = {
        "echo": echo,
        "halves": halves,
        "halves_auroc": halves_auroc,
        **_others(samples, found),
        "spiking": float(twins[0].kind == "spiking") if twins else None,
        "initialisations": 1.0 if alike is None else alike,
        **dict(zip(STEPS, [power[k].auroc for k in (0, len(power) // 2, -1)] if power else [None] * 3, strict=True)),
        "drifting": course.drifting,
    }
    if forecasts is not None:
        given |= {name: getattr(forecasts, name) for name in ("gain", "full", "coloured", "together")}
    features = features_of(found, _there(of_twins), _there(of_surrogates), n_samples=samples.n_samples, known=given)
    counts["instantaneous"] = bool(found.parameters.get("instantaneous"))
    settings = {**counts, "n_initialisations": n_initialisations, "strengths": list(strengths), "surrogate": shift.name}
    card = Card(
        method=type(estimator).__name__,
        n_units=samples.n_units,
        n_samples=samples.n_samples,
        nulls=nulls,
        halves=_or_none(halves),
        initialisations=_or_none(alike),
        echo=_or_none(echo),
        power=power,
        forecasts=forecasts,
        course=course,
        converged=found.converged,
        unconverged=sum(not converged for _, converged in answers),
        fits=len(answers),
        features=features,
        reference=None,
        predicted={},
        strange=[],
        warn_below=None,
        about={**settings, "random_state": int(random_state), "signal": samples.signal, "synfer": version_of("synfer")},
        digest=digest_of(found),
        left_out=left_out,
    )
    if not isinstance(predictor, str):
        return card.predict_by(predictor)
    told = reference_of(samples, own_histories(samples.segments))
    if told is None:
        return card
    predicted = predictions(found, *told)
    return dataclasses.replace(card, reference=told[0], predicted=predicted, warn_below=WARN_BELOW)


def _rising(strengths: Sequence[float]) -> tuple[float, ...]:
    values = tuple(float(one) for one in strengths)
    if not values or min(values) <= 0 or any(b <= a for a, b in itertools.pairwise(values)):
        raise InputError(f"strengths must be positive and rise, such as {STRENGTHS}; got {strengths!r}.")
    return values


def _given(
    recording: Any, estimator: BaseDiscoverer | None, connectome: Connectome | None, signal: str | None
) -> tuple[BaseDiscoverer, str | None]:
    """The estimator and the signal, checked against each other."""
    if connectome is not None:
        if not isinstance(connectome, Connectome) or connectome.leading is not None:
            raise InputError("connectome must be a Connectome of one network at one time: choose it by isel.")
        if isinstance(recording, Recording):
            refuse_other(connectome, recording)
        given = connectome.provenance.get("given")
        if signal is None and isinstance(given, dict):
            signal = given.get("signal")
        beside = sorted(set(given) - GIVEN) if isinstance(given, dict) else []
        if beside:
            raise InputError(
                f"connectome must be found from a recording alone: its fit was given {', '.join(beside)} besides, and "
                "the card's fits could not be; find it without."
            )
        estimator = estimator_of(connectome) if estimator is None else estimator
    if not isinstance(estimator, BaseDiscoverer):
        raise InputError(
            "estimator must be one of synfer.discover, such as ConditionalGranger(), or connectome be given; got "
            f"{'a class' if isinstance(estimator, type) else type(estimator).__name__}."
        )
    if "checkpoint" in estimator.get_params(deep=False):  # one file cannot hold what some 25 fits have come to
        estimator = clone(estimator).set_params(checkpoint=None)
    _checks.check_parameters(estimator)
    return estimator, signal


def _fitted(estimator: BaseDiscoverer, samples: Samples) -> Connectome:
    return clone(estimator)._fit_samples(samples).connectome_


def _twin(samples: Samples, seed: int, twin: Twin) -> Samples:
    return twin.samples


def _drawn(samples: Samples, seed: int, kind: Surrogate = CircularShift()) -> Samples:  # noqa: B008  # frozen
    return kind.draw(samples, np.random.RandomState(seed))


def _same(samples: Samples, seed: int) -> Samples:
    return samples


def _planted(samples: Samples, seed: int, own: list[OwnHistory], target: Any, source: Any, strength: float,
             delay: int) -> Samples:  # fmt: skip
    return plants.plant(samples, own, target, source, strength, delay=delay, seed=seed).samples


def _echoed(samples: Samples, seed: int, echo: Echo) -> Samples:
    return echo.simulated(samples, seed)


def _there(answers: list[Answer]) -> list[Connectome]:
    return [found for found, _ in answers if found is not None]


def _told(twins: list[Twin]) -> dict[str, Any]:
    worst = max(twins, key=lambda twin: twin.deviation)
    return {"kind": worst.kind, "matched": worst.matched, "deviation": worst.deviation, "worst": worst.worst}


def _null(kind: str, found: list[Connectome], made: dict[str, Any]) -> Null:
    pvalues = [off_diagonal(np.asarray(one.pvalue)) for one in found if one.pvalue is not None]
    known = np.concatenate(pvalues) if pvalues else np.array([])
    known = known[np.isfinite(known)]
    rejected = float((known < ALPHA).mean()) if len(known) else None
    scores = np.concatenate([pairs_of(one) for one in found])
    level = float(np.quantile(scores, 1.0 - ALPHA))
    return Null(kind, len(found), rejected, level, made, len(known) if len(known) else len(scores))


def _power(
    work: Work, found: Connectome, strengths: tuple[float, ...], n_plantings: int, level: float, seeds: Any
) -> tuple[list[Power], list[Answer]]:
    """Plant at pairs of low score, and count what is found again."""
    if n_plantings == 0:
        return [], []
    quiet = plants.quiet_pairs(np.asarray(found.score, dtype=np.float64))
    rng = np.random.default_rng(int(seeds[5]))
    pairs = [plants.choose(quiet, rng) for _ in range(n_plantings)]
    own = own_histories(work.samples.segments)
    events = signal_kind(work.samples) == "counts"
    makes = [
        functools.partial(_planted, own=own, target=target, source=source, delay=1,
                          strength=min(strength, 1.0) if events else strength)
        for strength in strengths
        for target, source in pairs
    ]  # fmt: skip
    answers = work.each("planted", makes, seeds[6])
    made = []
    for k, strength in enumerate(strengths):
        planted = hits = 0
        higher = []
        for (target, source), (answer, _) in zip(pairs, answers[k * n_plantings : (k + 1) * n_plantings], strict=True):
            if answer is None:
                continue
            score = np.nan_to_num(np.asarray(answer.score, dtype=np.float64))
            rest = quiet.copy()
            rest[target, source] = False
            hits += int(_significant(answer, score, level)[target, source].sum())
            planted += len(target)
            if rest.any():
                higher.append(exceeds(score[target, source], score[rest]))
        if planted:
            low, high = proportion_confint(hits, planted, method="wilson")
            auroc = float(np.mean(higher)) if higher else float("nan")
            made.append(Power(strength, planted, hits, hits / planted, float(low), float(high), auroc))
    return made, answers


def _share(found: Connectome, of_null: list[Connectome]) -> float:
    """Share of edges, as scores beyond those without edges imply."""
    return share_of_edges(tails(pairs_of(found), np.concatenate([pairs_of(one) for one in of_null])))


def _halves(work: Work, n_halves: int, share: float, seed: int) -> tuple[float | None, float | None, list[Answer]]:
    """Rank correlation and AUROC between complementary halves, means over pairs of them."""
    make = repeats.halves_of(work.samples)
    if n_halves == 0 or make is None:
        return None, None, []
    answers = work.each("halves", [make] * (2 * n_halves), seed - seed % 2)
    pairs = [(answers[2 * k][0], answers[2 * k + 1][0]) for k in range(n_halves)]
    whole = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not whole:
        return None, None, answers
    alike = float(np.mean([repeats.agreement(pair) for pair in whole]))
    return alike, float(np.mean([repeats.found_again(a, b, share) for a, b in whole])), answers


def _others(samples: Samples, found: Connectome) -> dict[str, float | None]:
    """Rank correlations with what two plain methods say of the same samples."""
    made: dict[str, float | None] = {}
    for name, other in (("granger", ConditionalGranger()), ("correlation", CrossCorrelation())):
        answer, _ = fit_fresh(other, _same, samples, 0)
        made[name] = None if answer is None else repeats.agreement([found, answer])
    return made


def _echo(work: Work, found: Connectome, share: float, n_echoes: int, seeds: Any) -> tuple[float | None, list[Answer]]:
    """AUROC with which the method finds again what it found, in linear networks that are wired so; mean."""
    if n_echoes == 0:
        return None, []
    echo = echo_of(work.samples, found, own_histories(work.samples.segments), share)
    edge = off_diagonal(echo.wired)
    if not edge.any() or edge.all():
        return None, []  # nothing was found that could be found again
    answers = work.each("echoes", [functools.partial(_echoed, echo=echo)] * n_echoes, seeds[7])
    scores = [pairs_of(one) for one in _there(answers)]
    return (float(np.mean([exceeds(one[edge], one[~edge]) for one in scores])) if scores else None), answers


def _significant(answer: Connectome, score: np.ndarray, level: float) -> np.ndarray:
    """Which pairs (target, source) are found."""
    if answer.pvalue is None:
        return np.asarray(score > level)
    pvalue = np.asarray(answer.pvalue, dtype=np.float64)
    known = np.isfinite(pvalue) & ~np.eye(len(pvalue), dtype=bool)
    found = np.zeros(pvalue.shape, dtype=bool)
    if known.any():
        found[known] = multipletests(pvalue[known], ALPHA, method="fdr_bh")[0]
    return found


def _or_none(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value
