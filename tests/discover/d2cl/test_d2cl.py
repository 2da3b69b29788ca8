"""D2CL: what it learns, both ways round, what it refuses, and that it goes on from where it was."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch

import synfer as sf
from synfer.connectome import Connectome
from synfer.discover import D2CL
from synfer.discover.d2cl import file, split_pairs
from synfer.discover.d2cl.pairs import Pairs, Population, View
from synfer.errors import FileError, FitDivergedError, InputError, NotConvergedWarning, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")  # a dozen epochs


def auroc(connectome, truth):
    from sklearn.metrics import roc_auc_score

    score = connectome.score.to_numpy()
    asked = np.isfinite(score)
    return roc_auc_score(truth.score.to_numpy()[asked] > 0, score[asked])


def test_images_show_what_no_correlation_does(driven, told, quick):
    """x_i = x_j^2: uncorrelated, yet which drives which can be seen. Only unknown pairs are asked for."""
    x, truth = driven(7)
    edges, others = told(truth, 0.5)
    fitted = quick(towers="image").fit(x, known_edges=edges, known_non_edges=others)
    score = fitted.connectome_.score
    assert auroc(fitted.connectome_, truth) > 0.95
    known = np.isfinite(fitted.known_)
    np.testing.assert_array_equal(np.isnan(score), known | np.eye(14, dtype=bool))
    asked = [(s, s + 1) for s in range(0, 14, 2) if not known[s + 1, s]]
    assert all(score.sel(source=s, target=t) > score.sel(source=t, target=s) for s, t in asked)
    assert ((score >= 0) & (score <= 1) | np.isnan(score)).all()


def test_graphs_show_correlations_and_what_explains_them(told, quick):
    rng = np.random.default_rng(0)
    n = 24
    weight = np.zeros((n, n))
    x = rng.standard_normal((400, n))
    for first in range(0, n, 3):  # chains a -> b -> c
        for a, b in itertools.pairwise(range(first, first + 3)):
            x[:, b] += x[:, a]
            weight[b, a] = 1.0
    truth = Connectome.from_weights(weight)
    edges, others = told(truth, 0.6)
    fitted = quick(towers="graph", max_epochs=25).fit(x, known_edges=edges, known_non_edges=others)
    assert auroc(fitted.connectome_, truth) > 0.85


def test_a_lag_gives_the_direction(told, quick):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((400, 14))
    weight = np.zeros((14, 14))
    for a in range(0, 14, 2):
        x[2:, a + 1] += 1.5 * x[:-2, a]
        weight[a + 1, a] = 1.0
    truth = Connectome.from_weights(weight)
    edges, others = told(truth, 0.5)
    fitted = quick(lags=(2,), towers="image", max_epochs=16).fit(x, known_edges=edges, known_non_edges=others)
    score = fitted.connectome_.score.to_numpy()
    asked = [a for a in range(0, 14, 2) if np.isfinite(score[a + 1, a])]
    assert auroc(fitted.connectome_, truth) > 0.95
    assert all(score[a + 1, a] > score[a, a + 1] for a in asked)


def test_what_was_learnt_from_networks_is_applied_to_another(driven, quick, tmp_path):
    networks = [driven(3, seed=k) for k in range(4)]
    model = quick(towers="image", validation_fraction=0.3).pretrain(networks)
    unseen, truth = driven(5, seed=99)
    found = model.fit(unseen).connectome_
    assert auroc(found, truth) > 0.95
    assert np.isnan(found.score.to_numpy()).sum() == 10  # only the diagonal
    assert np.isnan(model.known_).all()
    model.save(tmp_path / "model.pt")
    again = D2CL.load(tmp_path / "model.pt")
    np.testing.assert_array_equal(again.fit(unseen).connectome_.score, found.score)
    assert again.get_params() == model.get_params()
    edges, others = [(0, 1)], [(1, 0), (2, 1), (1, 2), (3, 1), (1, 3)]
    more = again.set_params(validation_fraction=0.4, random_state=1)
    with pytest.raises(InputError, match="both parts"):  # one edge is too few to stop by
        more.fit(unseen, known_edges=edges, known_non_edges=others)
    assert not hasattr(more, "connectome_")


def test_trials_and_labels_and_a_prior(driven, told, quick):
    x, truth = driven(5)
    ids = [f"n{k}" for k in range(10)]
    edges, others = ([(ids[s], ids[t]) for s, t in pairs] for pairs in told(truth, 0.6))
    recording = sf.Recording({"v": x.reshape(2, 150, 10)}, dt=0.01, leading="trial", unit_ids=ids)
    prior = Connectome.from_weights(np.ones((10, 10)) - np.eye(10), unit_ids=ids[::-1])
    fitted = quick(towers="graph", prior=prior, max_epochs=1).fit(recording, known_edges=edges, known_non_edges=others)
    assert fitted.connectome_.unit_ids.tolist() == ids
    assert fitted.connectome_.dt == 0.01
    assert set(fitted.validation_pairs_.ravel()) <= set(ids)
    with pytest.raises(ShapeError, match=r"prior must be \(target, source\) of X's 10 units, got \(3, 3\)"):
        quick(prior=np.ones((3, 3))).fit(x, known_edges=[(0, 1)], known_non_edges=[(1, 0)])


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (np.full((6, 6), "a"), "prior must be an array of numbers; got ndarray of <U1"),
        (np.full((6, 6), np.nan), "prior must say of pairs whether they are joined, got only NaN: give 0 where"),
        (Connectome(np.full((6, 6), np.nan)), "prior must say of pairs whether they are joined, got only NaN"),
    ],
)
def test_a_prior_that_says_nothing_is_refused(driven, quick, prior, message):
    x, _ = driven(3)
    with pytest.raises(InputError, match=message):
        quick(prior=prior).fit(x, known_edges=[(0, 1)], known_non_edges=[(1, 0)])


def test_correlograms_of_spikes(told, quick):
    rng = np.random.default_rng(2)
    spikes = (rng.random((6000, 12)) < 0.03).astype(float)
    weight = np.zeros((12, 12))
    for a in range(0, 12, 2):
        follows = np.zeros(6000)
        follows[3:] = spikes[:-3, a] * (rng.random(5997) < 0.4)
        spikes[:, a + 1] = np.maximum(spikes[:, a + 1], follows)
        weight[a + 1, a] = 1.0
    truth = Connectome.from_weights(weight)
    edges, others = told(truth, 0.5)
    fitted = quick(image="correlogram", towers="image").fit(spikes, known_edges=edges, known_non_edges=others)
    assert auroc(fitted.connectome_, truth) > 0.95
    with pytest.raises(InputError, match=r"X must hold counts of spikes .* for image='correlogram'"):
        quick(image="correlogram").fit(spikes - 0.5, known_edges=[(0, 1)], known_non_edges=[(1, 0)])
    with pytest.raises(
        InputError, match="X must take more than two values for image='dependence', got nearly no others in unit 0"
    ):
        quick().fit(spikes, known_edges=[(0, 1)], known_non_edges=[(1, 0)])


def test_a_fit_that_was_broken_off_goes_on_to_the_same_bits(driven, told, quick, tmp_path):
    x, truth = driven(4)
    edges, others = told(truth, 0.7)
    known = {"known_edges": edges, "known_non_edges": others}
    whole = quick(max_epochs=4, n_init=2).fit(x, **known)
    path = tmp_path / "fit"
    quick(max_epochs=2, n_init=2, checkpoint=path).fit(x, **known)
    rest = quick(max_epochs=4, n_init=2, checkpoint=path).fit(x, **known)
    np.testing.assert_array_equal(whole.connectome_.score, rest.connectome_.score)
    assert rest.history_[0].training_loss == whole.history_[0].training_loss
    with pytest.raises(FileError, match="a checkpoint of another fit"):
        quick(max_epochs=4, n_init=2, checkpoint=path).fit(x, known_edges=edges[:-1], known_non_edges=others)
    with pytest.raises(FileError, match="a checkpoint of another fit"):
        quick(max_epochs=4, n_init=2, checkpoint=path).fit(x + 1e-3 * x**2, **known)


def test_labels_that_are_held_out_touch_no_weight(driven, quick):
    """Turned round, they change the validation loss and nothing that an epoch learns; those learnt from do."""
    x, truth = driven(5)
    model = quick(max_epochs=1, towers="graph")
    pairs = np.argwhere(~np.eye(10, dtype=bool))
    labels = (truth.score.to_numpy()[pairs[:, 1], pairs[:, 0]] > 0).astype(float)
    learning, held = split_pairs(pairs, labels, random_state=0)
    population = Population([x], model._view(), np.arange(10))

    def trained(turned):
        said = labels.copy()
        said[turned] = 1.0 - said[turned]
        every = Pairs([population], np.zeros(len(pairs), dtype=int), pairs, said)
        return model._train(every, learning, held, [7], "fit", None)

    honest, lied, taught = trained([]), trained(held), trained(learning[:3])
    for ours, theirs in zip(honest.model.state_dict().values(), lied.model.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert honest.history[0].training_loss == lied.history[0].training_loss
    assert honest.history[0].validation_loss != lied.history[0].validation_loss
    assert honest.history[0].training_loss != taught.history[0].training_loss


def test_what_it_was_stopped_by_is_no_mirror_of_what_it_learnt_from(driven, told, quick):
    x, truth = driven(6)
    edges, others = told(truth, 0.8)
    for split in ("pair", "source"):
        fitted = quick(max_epochs=1, towers="graph", split=split).fit(x, known_edges=edges, known_non_edges=others)
        held = {tuple(pair) for pair in fitted.validation_pairs_.tolist()}
        assert held <= {*edges, *others}
        if split == "pair":
            rest = {frozenset(pair) for pair in {*edges, *others} - held}
            assert rest.isdisjoint({frozenset(pair) for pair in held})
        else:
            assert {s for s, _ in held}.isdisjoint({s for s, _ in {*edges, *others} - held})


def test_images_made_in_their_turn_are_those_that_are_kept(driven):
    x, _ = driven(4)
    view = View("density", (0, 1), 32, 8, 3)
    population = [Population([x], view, np.arange(8)), Population([x[:200, ::-1]], view, np.arange(8))]
    pairs = np.argwhere(~np.eye(8, dtype=bool))
    of = np.arange(len(pairs)) % 2
    starts = torch.tensor([[3, 0], [11, 5], [3, 40]])
    kept = Pairs(population, of, pairs, of).batch(starts)
    made = Pairs(population, of, pairs, of, cache=0).batch(starts)
    for one, other in zip(kept, made, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert kept[0].shape == (2, 3, 4, 32, 32)
    assert kept[2].shape == (3, 1, 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "known_edges and known_non_edges must be given where nothing was pretrained or loaded, got neither"),
        ({"known_edges": [(0, 1)]}, "known pairs must hold edges and non-edges, got only edges"),
        ({"known_non_edges": [(0, 1)]}, "known pairs must hold edges and non-edges, got only non-edges"),
        ({"known_edges": [(0, 1)], "known_non_edges": [(0, 99)]}, "known_non_edges must name units of X, got 99"),
    ],
)
def test_known_pairs_that_teach_nothing_are_refused(driven, quick, given, message):
    x, _ = driven(3)
    with pytest.raises(InputError, match=message):
        quick().fit(x, **given)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lags": ()}, r"lags must be different whole numbers of samples, 0 or more; got \(\)"),
        ({"lags": (1, 1)}, "lags must be different"),
        ({"lags": (-1,)}, "lags must be different"),
        ({"towers": "none"}, "The 'towers' parameter of D2CL must be"),
        ({"device": "nowhere"}, "device must be one that torch can compute on here"),
        ({"checkpoint": "x", "random_state": None}, "random_state must be an int with a checkpoint"),
    ],
)
def test_parameters_out_of_range_are_refused(driven, quick, changed, message):
    x, _ = driven(3)
    with pytest.raises(InputError, match=message):
        quick(**changed).fit(x, known_edges=[(0, 1)], known_non_edges=[(1, 0)])


def test_networks_that_teach_nothing_are_refused(driven, quick):
    x, truth = driven(3)
    model = quick(max_epochs=1)
    with pytest.raises(InputError, match="networks must hold at least 2, to learn from and to stop by; got 1"):
        model.pretrain([(x, truth)])
    with pytest.raises(InputError, match=r"with a Connectome for truth, got a ndarray in network 0"):
        model.pretrain([(x, truth.score.to_numpy())])
    other = Connectome.from_weights(truth.score.to_numpy(), unit_ids=list("abcdef"))
    with pytest.raises(
        ShapeError, match=r"the truth of network 0 must be one connectome \(target, source\) of X's units"
    ):
        model.pretrain([(x, other)])
    timed = [(sf.Recording({"v": x}, dt=dt), truth) for dt in (0.1, 0.2)]
    with pytest.raises(InputError, match=r"networks must have one dt, for lags count samples; got \['0.1', '0.2'\]"):
        model.pretrain(timed)
    none = Connectome.from_weights(np.zeros((6, 6)))
    with pytest.raises(InputError, match="must hold edges and non-edges, got only non-edges"):
        model.pretrain([(x, none), (x[:200], none)])


def test_a_pretrained_model_looks_at_others_as_it_did(driven, quick):
    x, truth = driven(3)
    model = quick(max_epochs=1, towers="graph").pretrain(
        [(sf.Recording({"v": y}, dt=0.1), truth) for y in (x, x[:200])]
    )
    with pytest.raises(InputError, match="image, lags, size, towers, degree and n_init must be as in pretraining"):
        model.set_params(lags=(1,)).fit(sf.Recording({"v": x}, dt=0.1))
    with pytest.raises(InputError, match=r"X must have the dt of pretraining, 0.1 s, .* got 0.2 s"):
        model.set_params(lags=(0,)).fit(sf.Recording({"v": x}, dt=0.2))


def test_files_that_are_none_or_newer_are_refused(driven, quick, tmp_path, monkeypatch):
    x, truth = driven(3)
    with pytest.raises(FileError, match="there is no such file"):
        D2CL.load(tmp_path / "none.pt")
    model = quick(max_epochs=1, towers="graph").pretrain([(x, truth), (x[:200], truth)])
    monkeypatch.setattr(file, "SCHEMA", 4)
    model.save(tmp_path / "newer.pt")
    monkeypatch.undo()
    with pytest.raises(FileError, match=r"a newer synfer wrote it \(schema 4, known here up to 3\)"):
        D2CL.load(tmp_path / "newer.pt")
    from synfer.io import save_checkpoint

    save_checkpoint(tmp_path / "damaged.pt", "synfer.discover.D2CL", {"schema": 1})
    with pytest.raises(FileError, match="its contents are damaged"):
        D2CL.load(tmp_path / "damaged.pt")
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        quick().save(tmp_path / "unfitted.pt")


def test_a_fit_that_diverges_or_does_not_settle_says_so(driven, told, quick):
    x, truth = driven(4)
    edges, others = told(truth, 0.8)
    with pytest.warns(NotConvergedWarning, match="1 of 1 initialisations had not come to rest after 1 epochs") as said:
        fitted = quick(max_epochs=1, towers="graph").fit(x, known_edges=edges, known_non_edges=others)
        quick(max_epochs=1, towers="graph").pretrain([(x, truth), (x[:200], truth)])
    assert [one.filename for one in said if one.category is NotConvergedWarning] == [__file__, __file__]
    assert fitted.connectome_.converged is False
    with pytest.raises(FitDivergedError, match="the fit diverged"):
        quick(learning_rate=1e30, towers="graph").fit(x, known_edges=edges, known_non_edges=others)


def test_more_units_than_samples_are_nothing_to_warn_of(quick):
    x = np.random.default_rng(0).standard_normal((20, 30))
    with warnings.catch_warnings():
        warnings.simplefilter("error", sf.errors.OrientationWarning)
        quick(towers="graph", max_epochs=1).fit(
            x, known_edges=[(0, 1), (2, 3), (4, 5)], known_non_edges=[(6, 7), (8, 9), (10, 11)]
        )
