"""NetFormer, Mask2Cause, and the read-outs that all attention models share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synfer.connectome import Connectome
from synfer.discover import Causalformer, Mask2Cause, NetFormer
from synfer.discover.attention_readouts import ablation, gradient, partial_correlation, rollout
from synfer.errors import InputError, NotConvergedWarning, UnknownNameError
from synfer.forecast import LIKELIHOODS, CausalformerForecaster, Mask2CauseForecaster, NetFormerForecaster
from synfer.recording import Recording
from synfer.simulate import state_dependent_system


def _driven(n_samples: int = 800, seed: int = 0) -> np.ndarray:
    """0 excites 1, and inhibits 2."""
    x = np.random.default_rng(seed).standard_normal((n_samples, 3))
    x[1:, 1] += 0.8 * x[:-1, 0]
    x[1:, 2] -= 0.8 * x[:-1, 0]
    return x


QUIET = {"progress": False, "random_state": 0}
LITTLE = {
    "n_init": 2,
    "max_epochs": 6,
    "patience": 6,
    "d_model": 8,
    "n_heads": 2,
    "d_head": 4,
    "d_hidden": 16,
    "window": 2,
}


@pytest.fixture(scope="module")
def fitted():
    x = _driven()
    return {
        "netformer": NetFormer(max_epochs=80, n_init=2, **QUIET).fit(x),
        "mask2cause": Mask2Cause(max_epochs=60, n_init=2, n_layers=1, **QUIET).fit(x),
    }


@pytest.mark.parametrize("name", ["netformer", "mask2cause"])
def test_the_fit_says_how_it_went(fitted, name):
    found = fitted[name].connectome_
    assert np.isnan(np.diag(found.score)).all()
    assert found.converged
    assert found.score_std.shape == (3, 3)
    assert (fitted[name].r2_[1:] > 0.2).all()


def test_netformer_finds_the_drivers(fitted):
    score = fitted["netformer"].connectome_.score.values
    assert min(score[1, 0], score[2, 0]) > 5 * np.nanmax(score * (np.arange(3) != 0))


def test_mask2cause_pays_for_edges_and_keeps_what_it_needs():
    x = np.random.default_rng(0).standard_normal((600, 3))
    x[1:, 1] += 0.8 * x[:-1, 0]
    # At .3 no edge is worth its cost: the content of tokens, told apart by who they are, makes up for the graph.
    dear, usual, cheap = (Mask2Cause(penalty=p, max_epochs=40, **QUIET).fit(x).graph_[0] for p in (0.3, 0.02, 0.003))
    off = ~np.eye(3, dtype=bool)
    assert dear[off].mean() < usual[off].mean() < cheap[off].mean()
    for graph in (usual, cheap):
        assert graph[1, 0] == graph[off].max()


@pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")
@pytest.mark.parametrize("estimator", [NetFormer(max_epochs=2, **QUIET), Mask2Cause(max_epochs=2, **QUIET),
                                       Causalformer(**LITTLE, **QUIET)])  # fmt: skip
def test_a_fit_reads_maps_of_no_window_twice(estimator, monkeypatch):
    read = []
    kind = {"NetFormer": NetFormerForecaster, "Mask2Cause": Mask2CauseForecaster}.get(
        type(estimator).__name__, CausalformerForecaster
    )
    forward = kind.forward

    def counted(self, context, times=None, *, out_map=False, **more):
        if out_map:
            read.append(len(context))
        return forward(self, context, times, out_map=out_map, **more)

    monkeypatch.setattr(kind, "forward", counted)
    fit = estimator.fit(_driven(300))
    windows = 300 - fit.window
    every = isinstance(fit, NetFormer)  # its connectome is the mean over all of them
    assert sum(read) == (windows if every else windows - int(0.6 * windows) - int(0.2 * windows))
    if every:
        np.testing.assert_allclose(fit.connectome_.score, fit.read(_driven(300)).score, rtol=1e-5)


def test_netformer_s_weights_are_the_system_s_in_its_own_units():
    x = _driven(3000) * [10.0, 1.0, 0.1] + [5.0, -60.0, 0.0]
    found = NetFormer(max_epochs=80, **QUIET).fit(Recording({"v": x}, dt=2e-3)).connectome_
    assert float(found.weight[1, 0]) == pytest.approx(0.08, abs=0.015)
    assert float(found.weight[2, 0]) == pytest.approx(-0.008, abs=0.0015)
    assert float(found.delay[1, 0]) == 2e-3
    deviation = x.std(axis=0)
    np.testing.assert_allclose(
        found.score.values[1, 0], abs(found.weight.values[1, 0]) * deviation[0] / deviation[1], rtol=1e-6
    )


def test_netformer_follows_weights_that_change():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6000, 3))
    # What 0 does to 1 has the sign of the level that 1 is at: a weight that hangs on the target's state, as W + x a'
    # does.
    level = np.where(np.arange(6000) < 3000, 1.0, -1.0)
    x[1:, 1] += 2.0 * level[1:] + 0.8 * level[1:] * x[:-1, 0]
    x[1:, 2] += x[:-1, 0]
    x = x[np.r_[0:2000, 3000:4000, 2000:3000, 4000:6000]]  # both are learnt from, and come twice
    found = NetFormer(max_epochs=60, n_times=6, **QUIET).fit(Recording({"v": x}, dt=1e-3, t0=4.0)).connectome_
    assert found.leading == "time"
    course = found.weight.sel(target=1, source=0).values
    # The target's sample tells its level with noise, and more stretches were learnt at +1: the course is flatter than
    # +-.8.
    assert course[[0, 1, 3]].min() - course[[2, 4, 5]].max() > 0.2
    np.testing.assert_allclose(found.leading_ids, 4.0 + np.arange(0.5, 6.0), atol=0.01)
    assert found.isel(time=0).score.dims == ("target", "source")


def test_state_dependent_weights_are_followed_sample_by_sample():
    recording, weights = state_dependent_system(4, n_trials=40, step=0.02, seed=3)
    fit = NetFormer(standardise="none", d_embedding=20, max_epochs=60, learning_rate=0.01, **QUIET).fit(recording)
    x = torch.from_numpy(np.asarray(recording["x"])[:, :-1].reshape(-1, 4).astype(np.float32))
    with torch.no_grad():
        a = fit.forecaster_(x[:, :, None, None], out_map=True, each=True)[1][:, 0].numpy() / 0.02
    off = ~np.eye(4, dtype=bool)
    truth = weights[:, :-1].reshape(-1, 4, 4)[:, off].ravel()
    assert np.corrcoef(a[:, off].ravel(), truth)[0, 1] > 0.5


def test_cell_types_draw_weights_together():
    types = ["e", "i", "i"]
    near, far = (
        NetFormer(cell_types=types, type_strength=s, max_epochs=40, **QUIET).fit(_driven()).attention_[0]
        for s in (3.0, 1e-6)
    )
    assert abs(near[1, 0] - near[2, 0]) < abs(far[1, 0] - far[2, 0])  # both are i <- e


@pytest.mark.parametrize(
    "readout", ["attention", "value_norm", "rollout", "gradient", "ablation", "partial_correlation"]
)
@pytest.mark.parametrize("name", ["netformer", "mask2cause"])
def test_read_outs_are_connectomes(fitted, name, readout):
    found = fitted[name].read(_driven(seed=1), readout)
    assert isinstance(found, Connectome)
    score = found.score.values
    assert np.isnan(np.diag(score)).all()
    assert (score[~np.eye(3, dtype=bool)] >= 0).all()
    if readout in ("gradient", "ablation"):
        assert min(score[1, 0], score[2, 0]) > 2 * max(score[0, 1], score[0, 2], score[1, 2], score[2, 1])
    if readout == "partial_correlation":
        np.testing.assert_allclose(score, score.T)


@pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")  # six epochs
@pytest.mark.parametrize("name", ["causalformer", "netformer", "mask2cause"])
def test_the_value_norm_is_that_of_values_and_leaves_the_model_as_it_was(fitted, name):
    x = _driven(60)
    model = Causalformer(**LITTLE, **QUIET).fit(x) if name == "causalformer" else fitted[name]
    plain, weighted = model.read(x), model.read(x, "value_norm")
    assert not np.allclose(plain.score, weighted.score, equal_nan=True)
    np.testing.assert_array_equal(model.read(x).score, plain.score)


@pytest.mark.filterwarnings("ignore::synfer.errors.NotConvergedWarning")  # six epochs
def test_gradient_and_ablation_are_what_loops_give():
    x = _driven(60)
    model = Causalformer(**LITTLE, **QUIET).fit(x)
    windows = model._windows(model._read(x))
    starts, law = windows.starts[:7], LIKELIHOODS["gaussian"]
    context, times, _ = windows.batch(starts[:, None].expand(-1, 2))
    with torch.no_grad():
        whole = model.forecaster_(context, times)[0]
        slopes, changes = np.zeros((2, 3, 3, 2)), np.zeros((2, 3, 3))
        for j in range(3):
            without = context.clone()
            without[:, j] = windows.series.mean(0)[j]
            changes[:, :, j] = (model.forecaster_(without, times)[0] - whole).square().mean(0).sqrt().T
    exact = torch.autograd.functional.jacobian(lambda c: model.forecaster_(c, times)[0], context)
    for i in range(2):  # (B, N, I, B, N, L, I): a window's forecast by its own context
        own = torch.stack([exact[b, :, i, b, :, :, i] for b in range(7)])
        slopes[i] = own.abs().mean(0).numpy()
    np.testing.assert_allclose(gradient(model.forecaster_, law, windows, starts), slopes.max(-1), rtol=2e-4, atol=1e-7)
    np.testing.assert_allclose(ablation(model.forecaster_, law, windows, starts), changes, rtol=1e-4, atol=1e-7)


def test_rollout_and_partial_correlation_are_arithmetic():
    a = np.array([[[0.0, 2.0], [1.0, 1.0]]])
    half = (np.array([[0.0, 1.0], [0.5, 0.5]]) + np.eye(2)) / 2
    np.testing.assert_allclose(rollout(a, 2)[0], half @ half)
    rng = np.random.default_rng(0)
    a = rng.random((2, 4, 4))
    for each, found in zip(a, partial_correlation(a), strict=True):
        rows = each / np.linalg.norm(each, axis=1, keepdims=True)
        precision = np.linalg.inv(rows @ rows.T + 1e-6 * np.eye(4))
        assert found[0, 2] == pytest.approx(abs(precision[0, 2]) / np.sqrt(precision[0, 0] * precision[2, 2]))


@pytest.mark.parametrize(
    ("estimator", "told"),
    [
        (NetFormer(cell_types=[0, 1]), r"cell_types must hold a label for each of 3 units, got shape \(2,\)"),
        (NetFormer(n_times=500), "n_times must leave two windows to each stretch"),
        (NetFormer(standardise="yes"), "'standardise'"),
        (Mask2Cause(d_model=10, n_heads=4), "d_model must be a multiple of n_heads = 4; got 10"),
        (Mask2Cause(head="poisson"), "'head'"),
        (NetFormer(device="abacus"), "device must be one that torch can compute on"),
    ],
)
def test_what_is_wrong_is_said(estimator, told):
    with pytest.raises(InputError, match=told):
        estimator.fit(_driven())


def test_a_read_out_that_is_not_there(fitted):
    with pytest.raises(UnknownNameError, match="attention"):
        fitted["netformer"].read(_driven(), "attntion")


@pytest.mark.parametrize(
    "estimator",
    [
        NetFormer(max_epochs=1, progress=False),
        Causalformer(window=2, n_init=1, max_epochs=1, d_model=4, n_heads=1, d_head=4, d_hidden=4, progress=False),
        Mask2Cause(window=2, n_init=1, max_epochs=1, progress=False),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_of_one_test_window_there_is_no_r2(estimator):
    n_samples = estimator._min_samples(3)
    with pytest.warns(NotConvergedWarning):
        fitted = estimator.fit(np.random.default_rng(0).standard_normal((n_samples, 3)))
    assert fitted.r2_.shape == (3,) and not fitted.connectome_.converged
