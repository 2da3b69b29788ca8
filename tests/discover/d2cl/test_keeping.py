"""What D2CL keeps of what it learnt, and where: in files, in clones, on devices, after a second lesson."""

from __future__ import annotations

import copy
import dataclasses
import functools

import numpy as np
import pytest
import torch
from sklearn.base import clone

from synfer.discover import D2CL
from synfer.discover.d2cl.fitting import D2CLFitting, _levelled
from synfer.discover.d2cl.pairs import Pairs, Population
from synfer.errors import FileError, InputError, NotConvergedWarning
from synfer.io import load_checkpoint, save_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")  # one epoch

WORK = "synfer.discover.D2CL"


_view = D2CLFitting._view


def _view_of_layout_1(self, before=None):
    return dataclasses.replace(_view(self, before), layout=1)


@pytest.fixture
def lessons(driven):
    x, truth = driven(3)
    return [(x, truth), (x[:200], truth)]


@pytest.fixture
def taught(quick, lessons):
    return quick(max_epochs=1, towers="graph").pretrain(lessons)


def test_a_second_lesson_is_what_is_saved(driven, taught, lessons, tmp_path):
    x, _ = driven(4, seed=5)
    taught.fit(x)
    taught.set_params(random_state=1).pretrain(lessons[::-1])
    assert not hasattr(taught, "connectome_")
    assert not hasattr(taught, "n_features_in_")
    taught.save(tmp_path / "second.pt")
    loaded = D2CL.load(tmp_path / "second.pt")
    np.testing.assert_array_equal(loaded.fit(x).connectome_.score, taught.fit(x).connectome_.score)


def test_a_clone_keeps_what_a_lesson_taught_and_not_what_a_fit_did(driven, told, quick, taught):
    x, truth = driven(4, seed=5)
    copy = clone(taught)
    assert copy.get_params() == taught.get_params()
    np.testing.assert_array_equal(copy.fit(x).connectome_.score, taught.fit(x).connectome_.score)
    assert not hasattr(clone(copy), "connectome_")
    edges, others = told(truth, 0.8)
    before = [p.clone() for p in taught._pretrained.model.parameters()]
    copy.fit(x, known_edges=edges, known_non_edges=others)  # goes on learning, and changes no other's model
    assert all(torch.equal(a, b) for a, b in zip(before, taught._pretrained.model.parameters(), strict=True))
    with pytest.raises(InputError, match="or load what an earlier fit saved"):
        clone(quick(max_epochs=1, towers="graph").fit(x, known_edges=edges, known_non_edges=others)).fit(x)


def test_a_loaded_model_goes_on_from_what_it_learnt(driven, told, quick, lessons, tmp_path):
    """With known pairs: steps too small to matter leave its weights, larger ones make it better on those held out."""
    quick(max_epochs=3, towers="graph").pretrain(lessons).save(tmp_path / "model.pt")
    x, truth = driven(4, seed=5)
    edges, others = told(truth, 0.7)
    known = {"known_edges": edges, "known_non_edges": others}
    loaded = D2CL.load(tmp_path / "model.pt").set_params(max_epochs=1, learning_rate=1e-9, weight_decay=0.0)
    learnt = [p.detach().clone() for p in loaded._pretrained.model.parameters()]
    small = loaded.fit(x, **known)
    asked = np.isfinite(small.connectome_.score.to_numpy())
    assert asked.sum() == 8 * 7 - len(edges) - len(others)
    for (name, now), then in zip(small.trained_.model.named_parameters(), learnt, strict=True):
        if name != "heads.graph.last.bias":  # the level, which is set by how many of the known pairs are edges
            torch.testing.assert_close(now, then, rtol=0, atol=1e-7)
    more = D2CL.load(tmp_path / "model.pt").set_params(max_epochs=6, learning_rate=3e-3).fit(x, **known)
    assert more.history_[0].best_loss < small.history_[0].validation_loss[0]
    assert np.isfinite(more.validation_pairs_).all()
    more.save(tmp_path / "more.pt")
    again = D2CL.load(tmp_path / "more.pt").fit(x).connectome_.score.to_numpy()
    np.testing.assert_array_equal(again[asked], more.connectome_.score.to_numpy()[asked])


def test_what_known_pairs_make_worse_is_not_kept(driven, told, quick, lessons):
    """Each epoch's steps are wild: all weights but the level stay those of the lesson, by the pairs held out."""
    model = quick(max_epochs=8, towers="graph", n_init=2).pretrain(lessons)
    x, truth = driven(4, seed=5)
    edges, others = told(truth, 0.7)
    before = {name: tensor.clone() for name, tensor in model._pretrained.model.state_dict().items()}
    with pytest.warns(NotConvergedWarning) as warned:
        model.set_params(max_epochs=2, learning_rate=3.0).fit(x, known_edges=edges, known_non_edges=others)
    said = [str(one.message) for one in warned if one.category is NotConvergedWarning]
    kept = "2 of 2 initialisations found nothing better in 2 epochs than what was pretrained, and keep that"
    assert said == [f"{kept}: lower learning_rate."]
    assert [one.best_epoch for one in model.history_] == [-1, -1]
    for name, now in model.trained_.model.state_dict().items():
        assert torch.equal(now, before[name]) == (name != "heads.graph.last.bias")


def test_the_level_is_set_by_how_many_known_pairs_are_edges(driven, quick, lessons):
    """Before any step; the order of pairs is the lesson's."""
    model = quick(max_epochs=2, towers="graph", n_init=2).pretrain(lessons)
    x, truth = driven(4, seed=5)
    pairs = np.argwhere(~np.eye(8, dtype=bool))
    labels = (truth.score.to_numpy()[pairs[:, 1], pairs[:, 0]] > 0).astype(float)
    population = Population([x], model._view(), np.arange(8))
    every = Pairs([population], np.zeros(len(pairs), dtype=int), pairs, labels)
    learning = np.arange(5, 50)
    before = copy.deepcopy(model._pretrained.model)
    after = _levelled(copy.deepcopy(before), every, learning)
    logits = []
    for one in (before, after):
        with torch.no_grad():
            logits.append(one(*every.batch(torch.arange(len(pairs))[:, None].expand(-1, 2))[:2])[0][:, 0].numpy())
    np.testing.assert_allclose(np.ptp(logits[1] - logits[0], axis=0), 0.0, atol=1e-5)
    expected = (1.0 / (1.0 + np.exp(-logits[1][learning]))).mean(0)
    np.testing.assert_allclose(expected, labels[learning].mean(), rtol=1e-4)


def test_a_file_of_the_first_layout_is_read_and_learns_on(driven, told, quick, tmp_path, monkeypatch):
    """In schema 1 a node said less, and the file does not say so."""
    first = functools.partialmethod(_view_of_layout_1)
    x, truth = driven(3)
    with monkeypatch.context() as patch:
        patch.setattr(D2CLFitting, "_view", first)
        model = quick(max_epochs=1, towers="graph").pretrain([(x, truth), (x[:200], truth)])
        score = model.fit(x).connectome_.score
        model.save(tmp_path / "new.pt")
    state = load_checkpoint(tmp_path / "new.pt", WORK)
    assert state["view"].pop("layout") == 1
    assert state["model"]["weights"]["graph.own.0.weight"].shape[-1] == 17
    state["schema"] = 1
    state["model"].pop("heads")
    weights = state["model"]["weights"]
    state["model"]["weights"] = {name.removeprefix("heads.graph."): tensor for name, tensor in weights.items()}
    save_checkpoint(tmp_path / "old.pt", WORK, state)
    old = D2CL.load(tmp_path / "old.pt")
    np.testing.assert_array_equal(old.fit(x).connectome_.score, score)
    edges, others = told(truth, 0.9)
    old.fit(x, known_edges=edges, known_non_edges=others).save(tmp_path / "newer.pt")
    assert load_checkpoint(tmp_path / "newer.pt", WORK)["view"]["layout"] == 1


def test_a_file_of_the_second_layout_has_one_head_and_learns_on(driven, told, quick, lessons, tmp_path):
    """Until schema 2 one head stood over both towers, and its weights were the model's own."""
    quick(max_epochs=1).pretrain(lessons).save(tmp_path / "new.pt")
    state = load_checkpoint(tmp_path / "new.pt", WORK)
    assert state["model"].pop("heads") == ["both", "image", "graph"]
    weights = state["model"]["weights"]
    state["model"]["weights"] = {
        name.removeprefix("heads.both."): tensor
        for name, tensor in weights.items()
        if not name.startswith(("heads.image.", "heads.graph."))
    }
    state["schema"] = 2
    save_checkpoint(tmp_path / "old.pt", WORK, state)
    old = D2CL.load(tmp_path / "old.pt")
    assert list(old._pretrained.model.heads) == ["both"]
    x, truth = driven(4, seed=5)
    edges, others = told(truth, 0.8)
    old.fit(x, known_edges=edges, known_non_edges=others).save(tmp_path / "newer.pt")
    assert load_checkpoint(tmp_path / "newer.pt", WORK)["model"]["heads"] == ["both"]
    again = D2CL.load(tmp_path / "newer.pt").fit(x).connectome_.score.to_numpy()
    asked = np.isfinite(old.connectome_.score.to_numpy())
    np.testing.assert_allclose(again[asked], old.connectome_.score.to_numpy()[asked], rtol=1e-5)


def test_a_model_goes_to_the_device_that_is_set(driven, taught, monkeypatch):
    """ "meta" holds no numbers and is everywhere: the model is there when it is asked, and its clone's where it was."""
    x, _ = driven(4, seed=5)
    other, seen = clone(taught), []

    def asked(self, model, population, pairs):
        seen.append({p.device.type for p in model.parameters()})
        return np.zeros(len(pairs))

    monkeypatch.setattr(D2CLFitting, "_probabilities", asked)
    taught.set_params(device="meta").fit(x)
    other.fit(x)
    assert seen == [{"meta"}, {"cpu"}]


def test_a_seed_of_numpy_s_is_kept_in_the_file(taught, tmp_path):
    taught.set_params(random_state=np.int64(5)).save(tmp_path / "model.pt")
    assert D2CL.load(tmp_path / "model.pt").random_state == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(schema="x"),
        lambda state: state["model"].update(n_init=10**12),
        lambda state: state["model"].update(n_sorted=10**9),
        lambda state: state["model"].update(n_channels=10**9),
        lambda state: state["model"]["weights"].clear(),
        lambda state: state["model"].update(heads=[]),
        lambda state: state["model"].update(heads=["both"]),
    ],
    ids=["schema", "n_init", "n_sorted", "n_channels", "weights", "no head", "head"],
)
def test_damaged_numbers_are_refused_before_they_take_memory(taught, tmp_path, change):
    taught.save(tmp_path / "model.pt")
    state = load_checkpoint(tmp_path / "model.pt", WORK)
    change(state)
    save_checkpoint(tmp_path / "damaged.pt", WORK, state)
    with pytest.raises(FileError, match="its contents are damaged"):
        D2CL.load(tmp_path / "damaged.pt")


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        (None, r"networks must be pairs \(X, truth\), got a NoneType: give a list of them"),
        ([1], r"networks must be pairs \(X, truth\), got a int for network 0: give both of each"),
        ([(np.zeros((20, 3)),)], "got 1 of them for network 0"),
    ],
)
def test_what_is_no_network_is_refused(quick, networks, message):
    with pytest.raises(InputError, match=message):
        quick().pretrain(networks)


def test_a_prior_is_of_one_network_and_refused_in_lessons(driven, quick, lessons):
    with pytest.raises(InputError, match="prior must be None in pretrain, for it is of one network; got a ndarray"):
        quick(prior=np.ones((6, 6))).pretrain(lessons)
