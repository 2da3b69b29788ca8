"""Discovery by a forecaster whose attention is the connectivity."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.connectome import Connectome
from synfer.discover._checks import as_positive
from synfer.discover._covariates import names_of, read_covariates
from synfer.discover._priors import read_prior
from synfer.discover.attention_readouts import READOUTS
from synfer.discover.base import BaseDiscoverer, Samples
from synfer.discover.foretelling import foretold, improved, log_likelihood, unforeseen
from synfer.discover.instantaneous import rows_needed
from synfer.discover.last_step import latency
from synfer.discover.synformer_fit import effects_of, fit_ensemble, refuse_combinations
from synfer.discover.synformer_readouts import read_out
from synfer.errors import InputError, UnknownNameError
from synfer.forecast import LAWS, Events, Pasts, moments, saturation

if TYPE_CHECKING:
    from typing_extensions import Self

_COUNT = [Interval(Integral, 1, None, closed="left")]


class Synformer(BaseDiscoverer):
    """Connectome from a forecaster whose attention is signed, resolved in lags, and free.

        s_j(t)        = phi(x_j(t), ..., x_j(t - value_window + 1))
        a_i(t)        = sum_{j != i} sum_{l = 0}^{max_lag - 1} A[l, i, j] s_j(t - l)
        x_i(t + 1)    ~ law(eta, sigma),   (eta, sigma) = F(h_i(t), e_i, a_i(t))

    s_j is what j tells the others, one learned value (an event where events are what acts); A the attention, without
    softmax, so that sources do not compete and have a sign; h_i the own history of i (its last samples, and exponential
    traces of it), e_i an embedding. F is a network shared by all units: it learns the units' own dynamics, how strongly
    an input acts in each state, and where inputs saturate; other units reach the forecast through A alone. Samples
    exactly at a unit's extreme, if many, are taken as cut off there (the likelihood is Tobin's).

    What training found is the start of a last step that is solved, not learned: A by Fisher scoring, F held fixed but
    for its last layer, with HC3 standard errors. The ensemble's median is given. Nothing here knows of neurons: spikes,
    thresholds, resets and delays are learned from the samples.

    Parameters
    ----------
    n_init : int or "auto"
        Initialisations, trained side by side. "auto": 3; of more than 256 units, from all of which F is learnt, 1.
    max_lag : int
        Samples of a source, the last known one and those before, that may act on the next sample.
    likelihood : {"gaussian", "poisson", "bernoulli"}
        Of the next sample: of voltage, calcium or rates (mean and variance learned); of spike counts (log link); of
        spikes or none (logit link).
    window : int
        Own samples that are fed as they are, beside the traces.
    value_window : int
        Samples that a value is made from. What acts later than that needs ``max_lag``.
    values : {"samples", "events"}
        What values are made from: a source's samples, or 1 where it has an event and 0 elsewhere (`synfer.forecast`'s
        `Events`: atoms and jumps), which leaves less to be learnt where events are all that acts. A target's samples at
        an atom within its range (a reset) do not count then. Counts are events as they are.
    time_constants : tuple of float
        Of the traces of own history, in samples.
    n_products : int
        Further pairs of attentions that enter the forecast by their product, for laws that multiply sources.
    memory : int
        Samples over which a target gathers what reaches it before it acts, by a learned kernel that depends, for
        counts, on the time since its own last event, for states that are not seen. Above 1 it takes the place of
        ``max_lag``, which is to be 1 then; delays are not told from each other.
    one_lag : bool or "auto"
        Each pair acts at one lag of the ``max_lag``, chosen for it; p-values are corrected for the choice (Sidak).
        "auto": so, or all at lag 0 alone, whichever forecasts the last fifth of the samples better (an initialisation
        of each is fitted to those before; then the better to all).
    hidden : int or "auto"
        Width of F. "auto": 64; where ``n_steps`` would see each sample more than 80 times, and learn it by heart, that,
        or 16, or 16 or 4 trained 40 times on each, whichever forecasts the last fifth best.
    n_candidates : int, "auto" or None
        Sources of a target that the last step is solved for together, the surest by a step of each alone, which is what
        the others get. "auto": all (None) where they make up to 400 columns, or more of so few samples that it takes no
        longer; else 64. Where some are left out, p-values are somewhat too small (``bench/results/flagship.md``), and
        where samples are fewer than ten a column of all, there are none, nor intervals (NaN).
    ridge : float or "gcv"
        Penalty on A in the last step, the same for all targets, relative to the mean information of a source; "gcv"
        chooses it by generalised cross-validation (of counts: by Mallows' criterion). P-values and intervals' widths
        are those without penalty.
    prior : array (target, source), optional
        0 where there can be no edge, another number where there is one (never penalised), NaN where it is open.
    dale : "learn" or array (unit,), optional
        Each source's effects all have one sign: given (+1, -1, 0 for free), or the one they have together. Not of those
        beyond ``n_candidates``.
    cell_types : array (unit,), optional
        Labels, with a ``ridge``: the penalty then draws towards the mean of each pair of types instead of 0.
    n_steps, batch_size, learning_rate, weight_decay
        Of the training (Adam, one cycle of the learning rate): steps, samples in time a step. ``n_steps="auto"``: six
        passes through the samples, and 500 steps at least: long recordings bear, and need, more of them.
        ``batch_size="auto"``: 64; of more than 256 units fewer, down to 16, as all units share what is learnt.
    instantaneous : bool
        Count what units share within a sample, too, where samples are further apart than effects and no lag shows them
        (frames of fluorescence, wide bins of spikes; of sampled voltages it has not the edges' signs): the coupling of
        what was not foreseen, credited to each direction by what its lags say (`synfer.discover.instantaneous`). Both
        gain: a high score says who is coupled, and less of which way. Weights are the coupling's; p-values, delays and
        ``attention_`` the lags'. What drives two units unseen makes coupling, too. Not with ``dale``.
    evidence : {"both", "effect", "wald"}
        What the score is: "effect", the size of an effect; "wald", how surely it is not 0 (the root of the F statistic,
        no penalty in it), the better order where information differs from pair to pair, as that of spikes does; "both",
        their geometric mean: of a few units a large effect may be chance, of many in dense wiring a sure one small.
    cross_fit : bool or "auto"
        Weights, intervals and p-values of each half of the samples by the responses that the other half taught, pooled;
        the score is of the whole. Responses that are learnt from the samples that they are tested on make the most of
        noise where nothing drives: networks without an edge would get false discoveries. It costs some power and up to
        twice the time; weights are slopes at no drive then. "auto": unless samples of all units are ten to a parameter
        of F (of counts: events, one to two), and edges are plain: their chi-squares together exceed expectation by more
        than F has parameters; but not where F is narrower than 64 and sees samples more than 40 times. Where halves
        cannot be (with products, or where a target's rows in one are fewer than twice its columns, F's last layer among
        them, or then 20 times its sources'), and samples are not so many, p-values and intervals are NaN.
    level : float
        Of the intervals.
    progress, random_state : bool, int or RandomState or None
        Show a bar where the output is a terminal; seed.

    Attributes
    ----------
    connectome_ : Connectome
        ``weight``: mean change, where j acts, of the next sample (for counts: of its log or logit) for a standard
        deviation of s_j, summed over lags, in the signal's units; ``interval_low``, ``interval_high`` at ``level``
        (with ``instantaneous`` both are those of ``instantaneous_``, by Fisher's z); ``score``: by ``evidence``, the
        effect being the root of the sum over lags (and products) of the squared effects, in units of the target's own
        spread sigma; ``score_std`` over initialisations; ``pvalue``: F test that all lags (and products) are 0, with
        the degrees of freedom of the rows that tell of the pair (Satterthwaite), NaN where the samples do not determine
        it; ``delay``: lag of the largest effect, from where s_j looks.
    attention_ : numpy.ndarray, (lag, target, source)
        Effects on the next sample, median over initialisations, in the signal's units.
    forecaster_ : SynformerForecaster
    loss_ : numpy.ndarray, (init, epoch)
        Mean negative log-likelihood of each pass through the data, nats per (z-scored) sample and unit.
    offset_, scale_ : numpy.ndarray, (unit,)
        The model sees (x - offset_) / scale_.
    instantaneous_ : Connectome
        With ``instantaneous``, the coupling alone, symmetric: ``weight``, the partial correlation of what was not
        foreseen, all others' given; ``score``, its magnitude; ``pvalue``.
    hidden_, one_lag_, cross_fitted_ : int, bool, bool
        Width of F; whether each pair has a lag of its own; whether tests are of halves.
    events_ : synfer.forecast.Events
        With ``values="events"``, what an event is.
    limits_ : tuple of numpy.ndarray (unit,)
        Floor and ceiling found in the samples; infinite where there is none.

    Raises
    ------
    InputError
        See ``fit``; further, priors or covariates of another shape, and counts where the likelihood asks for them.
    FitDivergedError
        The loss was no number any more.

    Notes
    -----
    NaN samples are missing: a row counts where the target and its own last samples are known; what a source with a
    missing sample tells is taken as the mean.

    Examples
    --------
    >>> import synfer as sf
    >>> network = sf.simulate.izhikevich_network(4, 1, p=0.4, seed=0)
    >>> seen = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, duration=2.0, seed=1))
    >>> estimate = sf.discover.Synformer(1, n_steps=500, random_state=0).fit(seen).connectome_
    >>> sf.evaluate.compare(estimate, network.connectome)["auroc"] > 0.95
    True
    """

    _takes_missing: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_init": [*_COUNT, StrOptions({"auto"})],
        "max_lag": _COUNT,
        "likelihood": [StrOptions(set(LAWS))],
        "window": _COUNT,
        "value_window": _COUNT,
        "values": [StrOptions({"samples", "events"})],
        "time_constants": ["array-like"],
        "n_products": [Interval(Integral, 0, None, closed="left")],
        "memory": _COUNT,
        "one_lag": ["boolean", StrOptions({"auto"})],
        "hidden": [*_COUNT, StrOptions({"auto"})],
        "n_candidates": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), None],
        "ridge": [Interval(Real, 0.0, None, closed="left"), StrOptions({"gcv"})],
        "prior": ["array-like", None],
        "dale": [StrOptions({"learn"}), "array-like", None],
        "cell_types": ["array-like", None],
        "n_steps": [*_COUNT, StrOptions({"auto"})],
        "batch_size": [*_COUNT, StrOptions({"auto"})],
        "learning_rate": [Interval(Real, 0.0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0.0, None, closed="left")],
        "instantaneous": ["boolean"],
        "evidence": [StrOptions({"both", "effect", "wald"})],
        "cross_fit": ["boolean", StrOptions({"auto"})],
        "level": [Interval(Real, 0.0, 1.0, closed="neither")],
        "progress": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_init: int | str = "auto",
        *,
        max_lag: int = 1,
        likelihood: str = "gaussian",
        window: int = 4,
        value_window: int = 4,
        values: str = "samples",
        time_constants: tuple[float, ...] = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
        n_products: int = 0,
        memory: int = 1,
        one_lag: bool | str = False,
        hidden: int | str = "auto",
        n_candidates: int | str | None = "auto",
        ridge: float | str = 0.0,
        prior: Any = None,
        dale: Any = None,
        cell_types: Any = None,
        n_steps: int | str = 2400,
        batch_size: int | str = "auto",
        learning_rate: float = 1e-2,
        weight_decay: float = 0.0,
        instantaneous: bool = False,
        evidence: str = "both",
        cross_fit: bool | str = "auto",
        level: float = 0.95,
        progress: bool = True,
        random_state: Any = None,
    ):
        self.n_init = n_init
        self.max_lag = max_lag
        self.likelihood = likelihood
        self.window = window
        self.value_window = value_window
        self.values = values
        self.time_constants = time_constants
        self.n_products = n_products
        self.memory = memory
        self.one_lag = one_lag
        self.hidden = hidden
        self.n_candidates = n_candidates
        self.ridge = ridge
        self.prior = prior
        self.dale = dale
        self.cell_types = cell_types
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.instantaneous = instantaneous
        self.evidence = evidence
        self.cross_fit = cross_fit
        self.level = level
        self.progress = progress
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, signal: str | None = None, covariates: Any = None) -> Self:
        """Find who drives whom; as every discoverer's ``fit``, and

        Parameters
        ----------
        X, signal
            As `BaseDiscoverer.fit` takes them; NaN is a missing sample.
        covariates : str, sequence of str, or array, optional
            Stimuli known at the time of the sample to forecast: names of signals of the Recording (a column for each
            unit), or an array ([trial,] time, [unit,] covariate).

        Returns
        -------
        self
        """
        self._given = (X, covariates)
        try:
            super().fit(X, signal)
            self.connectome_.provenance["given"] |= names_of(covariates)
            return self
        finally:
            del self._given

    def _depth(self) -> int:
        return max(int(self.window), max(int(self.max_lag), int(self.memory)) + int(self.value_window) - 1)

    def _taus(self) -> tuple[float, ...]:
        return as_positive(self.time_constants, "time_constants", "samples", "(5.0, 50.0)")

    def _past(self) -> int:
        return self._depth()

    def _memory(self) -> int:
        return self._depth() + int(10 * max(self._taus(), default=0.0))  # of traces then 5e-5 are left

    def _min_samples(self, n_units: int) -> int:
        return self._depth() + (rows_needed(n_units) if self.instantaneous else 3)

    def _discover(self, samples: Samples) -> Connectome:
        refuse_combinations(self)
        law, counts = LAWS[self.likelihood], self.likelihood != "gaussian"
        X, stimuli = getattr(self, "_given", (None, None))  # none where another estimator is put around this one
        covariates = read_covariates(X, stimuli, samples)
        prior = read_prior(self.prior, self.dale, self.cell_types, samples.n_units)
        n = samples.n_units
        for segment in samples.segments:
            law.check(torch.from_numpy(np.array(segment)))
        self.limits_ = (np.full(n, -np.inf), np.full(n, np.inf)) if counts else saturation(samples.segments)
        unscaled: tuple[np.ndarray, np.ndarray] = (np.zeros(n), np.ones(n))
        self.offset_, self.scale_ = unscaled if counts else moments(samples.segments)
        self._standard: Any = None
        if self.values == "events" and not counts:
            self.events_ = Events.of(samples.segments)
            if not self.events_.rate.any():
                raise InputError("X must have events for values='events', got none: take values='samples'.")
        pasts = self._pasts(samples, covariates)
        self._standard = pasts.standard
        if len(pasts.rows) == 0:
            raise InputError(
                f"X must hold a segment of more than {self._depth()} samples, the past of one to forecast, got none: "
                "record longer trials, or take a smaller window, max_lag or value_window."
            )
        fit = fit_ensemble(self, pasts, law, prior)
        self.forecaster_, self.loss_, self.hidden_, self.one_lag_ = fit.forecaster, fit.loss, fit.hidden, fit.one_lag
        self.cross_fitted_ = fit.tested is not None
        shared = unforeseen(self.forecaster_, pasts, law, fit.n_fitted) if self.instantaneous else None
        found = effects_of(self, fit, samples, shared, prior.allowed)
        fields = found.fields()
        if shared is not None:
            self.instantaneous_ = self._connectome(samples, shared.score, "instantaneous_", **shared.fields())
            fields |= shared.of(prior.allowed).weights(float(self.level))
        self.attention_ = found.attention
        delay = None
        if samples.dt is not None:
            delay = (1.0 + latency(self.forecaster_, pasts) + found.lag) * samples.dt
        return self._connectome(samples, found.score, delay=delay, converged=improved(self.loss_), **fields)

    def predict(self, X: Any, signal: str | None = None, covariates: Any = None) -> np.ndarray:
        """Forecast each sample from those before it, shaped as the signal: the mean over initialisations.

        float32, NaN where a sample has too little past.
        """
        samples, pasts = self._told(X, signal, covariates)
        raw = foretold(self.forecaster_, pasts, LAWS[self.likelihood]) * self.scale_ + self.offset_
        out = np.clip(raw.astype(np.float32), *(limit.astype(np.float32) for limit in self.limits_))
        return out.reshape(len(samples.segments), -1, samples.n_units) if samples.by_trial else out

    def score(self, X: Any, signal: str | None = None, covariates: Any = None) -> float:
        """Mean log-likelihood of the samples of ``X``, given the past of each, in nats per sample and unit.

        Of the mixture of the initialisations; a sample at a floor or ceiling counts with its probability.
        """
        _, pasts = self._told(X, signal, covariates)
        return log_likelihood(self.forecaster_, pasts, LAWS[self.likelihood], self.scale_)

    def read(self, X: Any, readout: str = "attention", signal: str | None = None, covariates: Any = None) -> Connectome:
        """Read the fitted model on samples, those of the fit or others; the score of `fit` says more (its last step).

        Parameters
        ----------
        X, signal, covariates
            As for ``fit``.
        readout : str
            "attention", as training left it: root of the sum of squares over lags and products; "value_norm": each
            weight times the spread of the value it passes on; "rollout", "gradient", "ablation" and
            "partial_correlation" as in :meth:`NetFormer.read`. The forecast is read at up to 512 samples.

        Returns
        -------
        Connectome
            ``score``, mean over initialisations, with their standard deviation.

        Raises
        ------
        UnknownNameError
            No such read-out.
        """
        if readout not in READOUTS:
            raise UnknownNameError.of("readout", str(readout), READOUTS)
        samples, pasts = self._told(X, signal, covariates)
        return self._read_as(samples, read_out(self.forecaster_, LAWS[self.likelihood], pasts, readout))

    def _told(self, X: Any, signal: str | None, covariates: Any) -> tuple[Samples, Pasts]:
        samples = self._read(X, signal)
        return samples, self._pasts(samples, read_covariates(X, covariates, samples))

    def _pasts(self, samples: Samples, covariates: list[np.ndarray] | None) -> Pasts:
        events = self.events_ if self.values == "events" and self.likelihood == "gaussian" else None
        return Pasts(
            samples.segments, depth=self._depth(), window=int(self.window), time_constants=self._taus(),
            offset=self.offset_, scale=self.scale_, counts=self.likelihood != "gaussian", limits=self.limits_,
            covariates=covariates, standard=self._standard,
            told=None if events is None else [events.told(segment) for segment in samples.segments],
            put=None if events is None else events.put,
        )  # fmt: skip
