"""LaDID: latent dynamics that all realisations of a system share, and an encoding that each has of its own."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from synfer.forecast import ladid_file
from synfer.forecast.ladid_fitting import LaDIDFitting, read
from synfer.forecast.ladid_model import freeze, thaw
from synfer.storage import StrPath, as_choice
from synfer.trajectories import Trajectories

if TYPE_CHECKING:
    from typing_extensions import Self


class LaDID(LaDIDFitting):
    """Latent dynamics by invariant decomposition: from a few samples of a realisation to its course at any time.

    A context of ``n_context`` samples, at times that may be irregular, is encoded as psi, all that is told of a
    realisation: its state and its constants. ``z(t) = f(t, psi)``, a perceptron that all realisations share, leads to
    any time after the context's first sample in one pass, ``x(t) = dec(z(t))`` to a sample. Trained on pieces of
    trajectories over which the query grows (1, 2, 4, ... samples), by a bound on their likelihood with the joint of
    multiple shooting (`LaDIDModel.forward`). docs/ladid.md says what differs from the published method, and why.

    Parameters
    ----------
    n_context : int
        Samples that a realisation is known by.
    n_query : int, optional
        Samples after the context that are learnt to be forecast; by default as many as the shortest trajectory has.
    head : {"gaussian", "poisson"}
        Law of a sample; "poisson" is for counts of spikes.
    encoder : {"auto", "cnn", "mlp", "linear"}
        How samples are encoded and decoded: "auto" is "cnn" for frames and "mlp" for units.
    dynamics : {"query", "ode", "rnn"}
        "query" is LaDID. The others are its rivals with everything else the same: a latent ODE (needs ``synfer[ode]``)
        and a gated recurrent unit.
    d_latent, d_model, d_hidden : int
        Sizes of psi and z, of a sample's encoding, and of perceptrons' hidden layers.
    n_layers : int
        Layers of temporal attention.
    n_frequencies : int
        Frequencies of the time code.
    n_decoded : int, optional
        Samples of a piece that are decoded in a step of training, drawn anew in each; None is all.
    dropout : float
        In the dynamics.
    noise : float
        Standard deviation that the Gaussian law has in training, in standard deviations of the samples.
    smoothness : float
        Weight of the joint of multiple shooting.
    thinning : float
        Share of a context's spikes, drawn anew in each step of training, that psi is not told of: they are forecast
        (``head="poisson"``).
    static : bool
        Whether the decoder is told directly what of a context stands still.
    paced : bool
        Whether the sines and cosines of a time turn at a pace that the encoding decides (``dynamics="query"``); the
        published code of the time is the same for all realisations.
    anchored : bool
        Whether forecasts begin where the context ended (``head="gaussian"``): what the model misses of the context's
        last sample is added to them while it lasts, ``x(t) = dec(z(t)) + g(t - t_L) (x_L - dec(z(t_L)))``. How long
        that is, is fitted to held-out trajectories (`Anchor`). The published method does not.
    curriculum : bool
        Whether the query grows, or is of ``n_query`` samples from the first epoch on.
    stride : int, optional
        Samples from where a context that is learnt from begins to where the next does; by default ``n_context``, of
        counts a fifth of that.
    stage_epochs : int
        Epochs at each shorter query.
    max_epochs, patience : int
        Of the last stage; patience is how long it goes on without a better validation loss.
    learning_rate, weight_decay : float
    batch_size : int
    validation_fraction : float
        Share of the trajectories that is stopped by, and not learnt from.
    n_init : int
        Initialisations that train side by side; forecasts are their mean.
    checkpoint : path, optional
        A fit that is broken off goes on from files of this name (one a stage) to the same result.
    device : str
    progress : bool
        Show a bar where the output is a terminal.
    random_state : int, RandomState or None
        An int, where there is a checkpoint.

    Attributes
    ----------
    model_ : LaDIDModel
    n_query_ : int
    horizon_ : float
        Seconds from a context's first sample to the last that was learnt.
    history_ : list of History
        How each initialisation learnt in the last stage; ``stages_`` has (n_query, histories) of all.
    validation_ : numpy.ndarray
        Positions of the trajectories that were stopped by.
    anchor_ : Anchor or None
        g, by these; after `transfer`, where they are too few to tell, what it was before.
    residual_variance_ : numpy.ndarray, shaped as a sample
        Mean squared error on these after the context.
    offset_, scale_ : numpy.ndarray
        Samples are learnt as (x - offset) / scale: by unit, or by channel of frames.

    Notes
    -----
    Lagemann, Lagemann, Mukherjee, "Invariance-based learning of latent dynamics", ICLR 2024 (arXiv:2306.12077).

    Examples
    --------
    >>> from synfer.forecast import LaDID
    >>> from synfer.simulate import lorenz96_system
    >>> trajectories = lorenz96_system(20, 14, n_units=4, F=1.0, warmup=0.0)
    >>> model = LaDID(n_context=6, d_hidden=32, curriculum=False, learning_rate=0.02, patience=3, random_state=0)
    >>> model.fit(trajectories).predict(trajectories.isel(time=slice(6)), times=[0.33, 0.5]).shape
    (20, 2, 4)
    """

    def __init__(
        self,
        *,
        n_context: int = 10,
        n_query: int | None = None,
        head: str = "gaussian",
        encoder: str = "auto",
        dynamics: str = "query",
        d_latent: int = 32,
        d_model: int = 64,
        d_hidden: int = 256,
        n_layers: int = 4,
        n_frequencies: int = 16,
        n_decoded: int | None = 16,
        dropout: float = 0.0,
        noise: float = 0.1,
        smoothness: float = 0.1,
        thinning: float = 0.25,
        static: bool = True,
        paced: bool = True,
        anchored: bool = True,
        curriculum: bool = True,
        stride: int | None = None,
        stage_epochs: int = 10,
        max_epochs: int = 200,
        patience: int = 20,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-3,
        batch_size: int = 16,
        validation_fraction: float = 0.2,
        n_init: int = 1,
        checkpoint: StrPath | None = None,
        device: str = "cpu",
        progress: bool = True,
        random_state: Any = None,
    ):
        self.n_context = n_context
        self.n_query = n_query
        self.head = head
        self.encoder = encoder
        self.dynamics = dynamics
        self.d_latent = d_latent
        self.d_model = d_model
        self.d_hidden = d_hidden
        self.n_layers = n_layers
        self.n_frequencies = n_frequencies
        self.n_decoded = n_decoded
        self.dropout = dropout
        self.noise = noise
        self.smoothness = smoothness
        self.thinning = thinning
        self.static = static
        self.paced = paced
        self.anchored = anchored
        self.curriculum = curriculum
        self.stride = stride
        self.stage_epochs = stage_epochs
        self.max_epochs = max_epochs
        self.patience = patience
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.n_init = n_init
        self.checkpoint = checkpoint
        self.device = device
        self.progress = progress
        self.random_state = random_state

    # ---- learning

    def fit(self, X: Any, times: Any = None, signal: str | None = None) -> Self:
        """Learn the dynamics that the realisations share, and how each is encoded.

        Parameters
        ----------
        X : Trajectories, Recording, array (trajectory, time, ...), or sequence of arrays (time, ...)
            Realisations; a Recording's trials or networks are these.
        times : array (time,) or sequence of arrays, optional
            Of arrays; by default their samples lie a second apart.
        signal : str, optional
            Which of a Recording's signals.

        Raises
        ------
        InputError, ShapeError
            Times that do not increase, NaN, unlike lengths or shapes, too few trajectories or samples, frames whose
            sides 16 does not divide (for "cnn"), no counts (for "poisson"), a parameter out of its range.
        FitDivergedError
            A loss is not finite.
        FileError
            The checkpoint cannot be used.

        Warns
        -----
        NotConvergedWarning
            The last stage came to ``max_epochs`` before its validation loss came to rest.
        """
        for name in [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]:
            delattr(self, name)
        self._check_parameters()
        trajectories, self.timed_ = read(X, times, signal)
        self._refuse_samples(trajectories)
        self.sample_shape_ = trajectories.sample_shape
        self.n_query_ = self._queried(trajectories)
        training, validation, seeds = self._split(trajectories)
        self.offset_, self.scale_ = self._moments(trajectories[training])
        pieces = self._pieces(trajectories, self.n_query_)
        self._shares(pieces, training, validation)  # what is too short is known before the work
        self.model_ = self._made(trajectories, pieces, seeds)
        shorter = [2**k for k in range(30) if 2**k < self.n_query_] if self.curriculum else []
        self.stages_ = []
        for stage, n_query in enumerate(shorter):
            part = self._pieces(trajectories, n_query)
            self._train(part, training, validation, seeds, self.stage_epochs, stage)
        self._train(pieces, training, validation, seeds, self.max_epochs, len(shorter))
        self._conclude(trajectories, validation)
        return self

    def transfer(
        self,
        X: Any,
        times: Any = None,
        *,
        refit: str = "encoding",
        max_epochs: int | None = None,
        learning_rate: float | None = None,
        checkpoint: StrPath | None = None,
        signal: str | None = None,
    ) -> LaDID:
        """Learn from a few trajectories of a system that is somewhat different; give a new estimator.

        Parameters
        ----------
        X, times, signal
            As of `fit`; at least two trajectories, of samples shaped as the fit's.
        refit : {"encoding", "all"}
            "encoding": the dynamics and the decoder stay as they are, and how realisations are encoded is learnt anew.
            "all": everything goes on learning.
        max_epochs, learning_rate : optional
            By default the estimator's own.
        checkpoint : path, optional
            Of this learning; the estimator's own is of its fit.

        Returns
        -------
        LaDID

        Raises
        ------
        InputError, ShapeError, UnknownNameError, FitDivergedError, FileError
            As of `fit`.
        """
        check_is_fitted(self, "residual_variance_")
        as_choice(refit, "refit", ("encoding", "all"))
        trajectories = self._given(X, times, signal)
        other: LaDID = clone(self)
        own = {"max_epochs": max_epochs, "learning_rate": learning_rate}
        other.set_params(checkpoint=checkpoint, **{name: value for name, value in own.items() if value is not None})
        other._check_parameters()
        for name in ("sample_shape_", "n_query_", "horizon_", "timed_", "offset_", "scale_"):
            setattr(other, name, getattr(self, name))
        other.model_, other.stages_ = copy.deepcopy(self.model_).to(other.device), []
        training, validation, seeds = other._split(trajectories)
        pieces = other._pieces(trajectories, other.n_query_)
        still = [other.model_.dynamics, other.model_.coder.decoder] if refit == "encoding" else []
        for part in still:
            freeze(part)
        other._train(pieces, training, validation, seeds, other.max_epochs, 0)
        for part in still:
            thaw(part)
        other._conclude(trajectories, validation, self.anchor_)
        return other

    # ---- forecasting

    def predict(self, context: Any, times: Any, context_times: Any = None, signal: str | None = None) -> Any:
        """Forecast at any times, of each realisation from its context.

        Parameters
        ----------
        context : Trajectories, Recording, array (trajectory, time, ...), or sequence of arrays (time, ...)
            The samples that each realisation is known by: of any number, though ``n_context`` were learnt from.
        times : array (query,), or sequence of arrays, one a realisation
            Increasing seconds on the clock of the context's times, none before its first sample. Within the context
            they ask for what was seen, smoothed (`anchored`: the nearer to the last sample, the less).
        context_times : array (time,) or sequence of arrays, optional
            Of arrays, as of `fit`.
        signal : str, optional

        Returns
        -------
        numpy.ndarray, (trajectory, query, ...), float32
            Means of the samples' laws; a list of arrays, where the numbers of queries differ.

        Raises
        ------
        InputError, ShapeError
            Queries before the context, times that do not increase, NaN, samples of another shape than the fit's.

        Warns
        -----
        HorizonWarning
            A query lies further from the context's first sample than any that was learnt.
        """
        check_is_fitted(self, "residual_variance_")
        contexts = self._given(context, context_times, signal, "context", "context_times")
        asked = self._asked(times, contexts)
        made = self._each(contexts, asked, self.anchor_)
        return np.stack(made) if len({len(t) for t in asked}) == 1 else made

    def reconstruct(self, X: Any, times: Any = None, signal: str | None = None) -> list[np.ndarray]:
        """Encode and decode: what the model makes of each sample that it sees, windows of ``n_context`` one by one.

        Not a forecast: the error that is left when nothing has to be foreseen.

        Returns
        -------
        list of numpy.ndarray (time, ...), one a trajectory
        """
        check_is_fitted(self, "residual_variance_")
        trajectories = self._given(X, times, signal)
        made = []
        for values, t in zip(trajectories.values, trajectories.times, strict=True):
            out = np.empty(values.shape, np.float32)
            starts = [*range(0, max(len(t) - self.n_context, 0), self.n_context), max(len(t) - self.n_context, 0)]
            for start in starts:
                part = slice(start, start + self.n_context)
                window = Trajectories([values[part]], t[part])
                out[part] = self._each(window, window.times)[0]
            made.append(out)
        return made

    def score(self, X: Any, times: Any = None, signal: str | None = None) -> float:
        """Mean log-likelihood of the (up to ``n_query_``) samples after each first context, in nats a number.

        The Gaussian law has the variance of the validation's residuals. Greater is better; held-out trajectories only
        say something.
        """
        check_is_fitted(self, "residual_variance_")
        trajectories = self._given(X, times, signal)
        forecast, target = self._continued(trajectories)
        law = self.model_.likelihood
        variance = torch.from_numpy(self._variance())
        both = [
            (torch.from_numpy(f).double(), torch.as_tensor(t).double()) for f, t in zip(forecast, target, strict=True)
        ]
        log_probs = [law.log_prob(f, t, variance) for f, t in both]
        return float(torch.cat([p.flatten() for p in log_probs]).mean())

    # ---- files

    def save(self, path: StrPath) -> None:
        """Write the fitted estimator, whole or not at all, with the number of its layout.

        Raises
        ------
        FileError
            It cannot be written.
        """
        check_is_fitted(self, "residual_variance_")
        ladid_file.write(path, self)

    @classmethod
    def load(cls, path: StrPath, *, device: str = "cpu") -> LaDID:
        """Read what `save` wrote, executing nothing, onto a device that may be another than it was made on.

        FileError where it is missing, damaged or of a newer version, InputError where there is no such device.
        """
        return ladid_file.read(path, cls, device)
