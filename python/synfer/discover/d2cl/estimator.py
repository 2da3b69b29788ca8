"""D2CL: who drives whom, learnt from pairs of which it is known, from two pictures of each."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import Interval, StrOptions

from synfer.connectome import Connectome
from synfer.discover import _checks
from synfer.discover.base import Samples
from synfer.discover.d2cl import file
from synfer.discover.d2cl.fitting import D2CLFitting, Trained, each_network, edges_of
from synfer.discover.d2cl.labels import SPLITS, all_pairs, read_labels, refuse_one_class, split_pairs
from synfer.discover.d2cl.model import TOWERS
from synfer.discover.d2cl.pairs import Pairs, Population
from synfer.discover.d2cl.towers import SIZES
from synfer.errors import InputError
from synfer.storage import StrPath

if TYPE_CHECKING:
    from typing_extensions import Self

_COUNT = [Interval(Integral, 1, None, closed="left")]


class D2CL(D2CLFitting):
    """Deep learning of causal structure from data and partial knowledge: probabilities of ordered pairs.

    Whether a pair is an edge is a question of classification: of some pairs the answer is known (by interventions, by
    paired recordings, or in simulations), and what tells edges from non-edges is learnt from these. Two towers look at
    each pair, source and target. One sees an image: how the density of the two, the target some samples later, differs
    from independence on a grid of their quantiles, and the grid's coordinates; or, for spikes, their correlograms at
    many scales. The other sees the pair's surroundings in a graph of correlations, its nodes labelled by their
    distances from the pair. A head over each and one over both give ``P(source drives target)``. Nothing asks for
    acyclic graphs, and nothing for all units to be seen.
    What "drives" means, directly or through others, is what it means in the known pairs.

    Parameters
    ----------
    image : {"dependence", "density", "correlogram"}
        "dependence": the logarithm of the joint density over that of independent units, flat where there is nothing to
        see; "density": the joint density itself, as published; "correlogram" takes counts of spikes.
    lags : tuple of int
        By how many samples targets follow: a density for each. (0,) is for samples that are no time series. The prior
        graph has the strongest correlation among them.
    towers : {"both", "image", "graph"}
        One tower alone is an ablation.
    size : {"light", "published"}
        "light" sees 32 x 32 points and takes some 7 million multiply-adds a pair, "published" 64 x 64 and some 340.
    prior : Connectome or array (target, source), optional
        A graph known from elsewhere, in place of each unit's ``degree`` strongest correlations; 0 and NaN: not joined.
    degree : int
    split : {"pair", "source"}
        How known pairs are cut into those that are learnt from and those that stop the learning: see `split_pairs`.
    validation_fraction : float
        Share of known pairs' groups (in `pretrain`, of networks) that it is stopped by.
    max_epochs, patience, batch_size : int
    learning_rate, weight_decay : float
    n_init : int
        Initialisations that train side by side; probabilities are their mean.
    checkpoint : path, optional
        A fit that is broken off goes on from files of this name (".fit", ".pretrain") to the same result.
    device : str
    progress : bool
        Show bars where the output is a terminal.
    random_state : int, RandomState or None
        An int, where there is a checkpoint.

    Attributes
    ----------
    connectome_ : Connectome
        ``score`` is the probability; NaN on the diagonal and for known pairs, of which nothing is estimated, so that no
        figure can count them.
    known_ : numpy.ndarray, (target, source)
        1 and 0 for known edges and non-edges, NaN elsewhere.
    history_ : list of History
        How each initialisation learnt; of a fit without known pairs, in `pretrain`. Training losses are the mean of the
        heads', validation losses those of what is said. ``best_epoch`` is -1 of one whose pretrained weights were
        better than those of every epoch.
    validation_pairs_ : numpy.ndarray, (pair, 2)
        Source and target of those that it was stopped by, of a fit with known pairs.

    Notes
    -----
    ``sklearn.base.clone`` keeps what `pretrain` learnt or `load` read (not what `fit` did), for without it a clone
    could be applied to nothing. docs/d2cl.md says what differs from the published method.

    References
    ----------
    K. Lagemann, C. Lagemann, B. Taschler, S. Mukherjee, Deep learning of causal structures in high dimensions under
    data limitations, Nature Machine Intelligence 5, 1306-1316 (2023), doi:10.1038/s42256-023-00744-z.

    Examples
    --------
    >>> import numpy as np
    >>> from synfer.discover import D2CL
    >>> x = np.random.default_rng(0).standard_normal((200, 12))
    >>> x[:, 1::2] += x[:, ::2]  # 0 -> 1, 2 -> 3, ...
    >>> edges = [(0, 1), (2, 3), (4, 5), (6, 7)]
    >>> others = [(1, 2), (2, 1), (3, 0), (0, 3), (5, 0), (4, 1), (6, 2), (7, 3), (1, 6), (4, 7), (5, 6), (2, 7)]
    >>> model = D2CL(towers="graph", max_epochs=400, patience=20, learning_rate=2e-3, random_state=1, progress=False)
    >>> score = model.fit(x, known_edges=edges, known_non_edges=others).connectome_.score
    >>> bool(score.sel(source=8, target=9) > score.sel(source=8, target=11))
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "image": [StrOptions({"density", "dependence", "correlogram"})],
        "lags": [tuple, list],
        "towers": [StrOptions(set(TOWERS))],
        "size": [StrOptions(set(SIZES))],
        "prior": [Connectome, "array-like", None],
        "split": [StrOptions(set(SPLITS))],
        **dict.fromkeys(("degree", "max_epochs", "patience", "batch_size", "n_init"), _COUNT),
        "learning_rate": [Interval(Real, 0.0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0.0, None, closed="left")],
        "validation_fraction": [Interval(Real, 0.0, 1.0, closed="neither")],
        "checkpoint": [str, Path, None],
        "device": [str],
        "progress": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        image: str = "dependence",
        lags: tuple[int, ...] = (0,),
        towers: str = "both",
        size: str = "light",
        prior: Any = None,
        degree: int = 6,
        split: str = "pair",
        validation_fraction: float = 0.2,
        max_epochs: int = 100,
        patience: int = 8,
        batch_size: int = 64,
        learning_rate: float = 5e-4,
        weight_decay: float = 1e-4,
        n_init: int = 1,
        checkpoint: StrPath | None = None,
        device: str = "cpu",
        progress: bool = True,
        random_state: Any = None,
    ):
        self.image = image
        self.lags = lags
        self.towers = towers
        self.size = size
        self.prior = prior
        self.degree = degree
        self.split = split
        self.validation_fraction = validation_fraction
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_init = n_init
        self.checkpoint = checkpoint
        self.device = device
        self.progress = progress
        self.random_state = random_state

    def fit(self, X: Any, signal: str | None = None, *, known_edges: Any = None, known_non_edges: Any = None) -> Self:
        """Learn from the known pairs, and give the probabilities of all others.

        Parameters
        ----------
        X : Recording, or array, DataFrame or DataArray (time, unit)
            Rows may be independent samples as well (``lags=(0,)``); there may be more units than samples.
        signal : str, optional
            Which signal of a Recording.
        known_edges, known_non_edges : sequence of (source, target), optional
            Labels of units, as X has them. Without any, what `pretrain` learnt (or `load` read) is applied; with them,
            a pretrained model goes on learning: its level is set by how many of them are edges, and if no epoch makes
            it better on those that are held out, that is all that changes.

        Returns
        -------
        self

        Raises
        ------
        InputError
            As of any estimator; no known pair and nothing learnt before; known pairs that contradict each other, are
            named twice, are of unknown units, of one unit, of one kind only, or too few of the rarer kind; samples of
            another ``dt`` than in `pretrain`, or another ``image``, ``lags``, ``size`` or ``towers``.
        ShapeError
            Known pairs that are no pairs; a prior of another shape.
        FitDivergedError, FileError
            A loss is not finite; the checkpoint cannot be used.

        Warns
        -----
        NotConvergedWarning
            It came to ``max_epochs`` before its validation loss came to rest.
        OutlierWarning
            A few samples are so far from a unit's others that its densities are flat.
        """
        self._known: tuple[Any, Any] = (known_edges, known_non_edges)
        try:
            return super().fit(X, signal)
        finally:
            del self._known

    def __sklearn_clone__(self) -> Self:
        made: Self = super().__sklearn_clone__()
        before = getattr(self, "_pretrained", None)
        if before is not None:
            made._pretrained = before  # no fit changes it
        return made

    def pretrain(self, networks: Iterable[tuple[Any, Connectome]], signal: str | None = None) -> Self:
        """Learn from networks of which everything is known, such as simulated ones, to find others' connectomes.

        Parameters
        ----------
        networks : iterable of (X, truth)
            X as of `fit`; truth a Connectome of its units, whose edges are where the score is above 0 (NaN: unknown).
            Some of the networks, whole, are those that the learning is stopped by.
        signal : str, optional

        Returns
        -------
        self
            Not fitted, nor any longer if it was: ``fit(X)`` then gives the connectome of an unseen network, `save`
            keeps what was learnt.

        Raises
        ------
        InputError, ShapeError
            As of `fit`; fewer than two networks, several values of ``dt``, a truth of other units; a ``prior``, which
            is of one network.
        """
        self._forget()  # or `save` would keep an earlier fit's model
        self._check()
        if self.prior is not None:
            raise InputError(
                f"prior must be None in pretrain, for it is of one network; got a {type(self.prior).__name__}: set it "
                "before fit."
            )
        rng, seeds = self._seeds()
        populations, of, pairs, labels = [], [], [], []
        dts = set()
        for k, (X, truth) in enumerate(each_network(networks)):
            samples = self._read(X, signal, reset=True)
            dts.add(samples.dt)
            populations.append(Population(samples.segments, self._view(), samples.unit_ids))
            mine, said = edges_of(truth, samples.unit_ids, k)
            of.append(np.full(len(mine), k))
            pairs.append(mine)
            labels.append(said)
        n = len(populations)
        if n < 2:
            raise InputError(f"networks must hold at least 2, to learn from and to stop by; got {n}.")
        if len(dts) > 1:
            raise InputError(f"networks must have one dt, for lags count samples; got {sorted(map(str, dts))}.")
        held = rng.permutation(n)[: min(n - 1, max(1, round(self.validation_fraction * n)))]
        said_of_all = np.concatenate(labels)
        every = Pairs(populations, np.concatenate(of), np.concatenate(pairs), said_of_all, device=self.device)
        apart = np.isin(every.of, held)
        for part, name in ((~apart, "networks to learn from"), (apart, "networks to stop by")):
            refuse_one_class(said_of_all[part], name)
        learning, stopping = np.flatnonzero(~apart), np.flatnonzero(apart)
        self._pretrained = self._train(every, learning, stopping, seeds, "pretrain", dts.pop())
        self._forget()  # what reading noted, of the last network
        return self

    def _discover(self, samples: Samples) -> Connectome:
        self._check()
        _, seeds = self._seeds()
        edges, others = getattr(self, "_known", (None, None))
        pairs, labels = read_labels(edges, others, samples.unit_ids)
        before: Trained | None = getattr(self, "_pretrained", None)
        if before is not None:
            self._refuse_other(before, samples)
            before = self._pretrained = before.on(self.device)
        if len(pairs) == 0 and before is None:
            raise InputError(
                "known_edges and known_non_edges must be given where nothing was pretrained or loaded, got neither: "
                "name some, call pretrain first, or load what an earlier fit saved."
            )
        population = Population(samples.segments, self._view(before), samples.unit_ids, self._given_prior(samples))
        trained = before
        self.__dict__.pop("validation_pairs_", None)  # an earlier fit's
        if len(pairs):
            refuse_one_class(labels, "known pairs")
            learning, held = split_pairs(
                pairs, labels, by=self.split, fraction=self.validation_fraction, random_state=seeds[0]
            )
            every = Pairs([population], np.zeros(len(pairs), dtype=int), pairs, labels, device=self.device)
            trained = self._train(every, learning, held, seeds, "fit", samples.dt, before)
            self.validation_pairs_ = samples.unit_ids[pairs[held]]
        assert trained is not None
        self.trained_, self.history_ = trained, trained.history
        asked = all_pairs(samples.n_units, pairs)
        score = np.full((samples.n_units,) * 2, np.nan)
        score[asked[:, 1], asked[:, 0]] = self._probabilities(trained.model, population, asked)
        self.known_ = np.full_like(score, np.nan)
        self.known_[pairs[:, 1], pairs[:, 0]] = labels
        converged = all(history.converged for history in trained.history) if trained.history else None
        return self._connectome(samples, score, converged=converged)

    def save(self, path: StrPath) -> None:
        """Keep what was learnt, by `fit` or by `pretrain`; the connectome has a file of its own (`Connectome.save`).

        Which pairs were known is not kept: what is loaded gives these too a probability, though it learnt from them.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Nothing was learnt.
        FileError
            It cannot be written.
        """
        trained = getattr(self, "trained_", None) or getattr(self, "_pretrained", None)
        if trained is None:
            raise NotFittedError(f"this {type(self).__name__} has learnt nothing yet: call fit or pretrain first.")
        file.write(path, self, trained)

    @classmethod
    def load(cls, path: StrPath, *, device: str = "cpu") -> D2CL:
        """Read what `save` wrote: ``fit(X)`` applies it to a network, and with known pairs goes on learning.

        Raises
        ------
        FileError
            There is no such file, it is something else, damaged, or of a newer synfer.
        InputError
            The device cannot be computed on.
        """
        return file.read(path, cls, device)

    def _check(self) -> None:
        _checks.check_parameters(self)
        self._check_more()
