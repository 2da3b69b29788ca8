"""The last step for one lag a pair, and for the surest sources only: against the whole step, and brute force."""

import numpy as np
import pytest
import torch
from scipy import stats

import synfer as sf
from synfer.discover import Synformer
from synfer.discover.last_step import solve
from synfer.discover.linearised import blocks, crowd_of, linearise, standardise, values_of
from synfer.discover.refit import Prior, Refitting
from synfer.discover.screening import OneStep, Stepping, candidates, complete, one_step, single_lags
from synfer.errors import InputError, ResolutionWarning
from synfer.forecast import LAWS, Pasts, SynformerForecaster, train_synformer


def delayed(n=4, length=1500, lag=3, seed=0):
    """White noise, in which 0 acts on 1 after ``lag`` samples and 2 on 3 after one."""
    x = np.random.default_rng(seed).normal(size=(length, n))
    for t in range(lag, length):
        x[t, 1] += 0.5 * x[t - lag, 0]
        x[t, 3] -= 0.5 * x[t - 1, 2]
    return x


def trained(x, max_lag, n_steps=80, **about):
    n = x.shape[1]
    pasts = Pasts([x], depth=max_lag, window=1, time_constants=(3.0,), offset=np.zeros(n), scale=np.ones(n))
    model = SynformerForecaster(n, pasts.n_features, max_lag=max_lag, value_window=1, hidden=4, **about)
    train_synformer(model, pasts, LAWS["gaussian"], n_steps=n_steps, batch_size=64, learning_rate=1e-2)
    standardise(model, pasts)
    return pasts, model


def open_prior(n):
    return Prior(np.ones((n, n), bool), np.zeros((n, n), bool))


def test_a_step_of_one_column_is_the_sum_over_time_of_its_definition():
    pasts, model = trained(delayed(), 3)
    law = LAWS["gaussian"]
    found = one_step(model, pasts, law)
    values = values_of(model, pasts)
    ((eta, log_scale, y, edge, _, gains, own, *_),) = linearise([model], pasts, [values], slice(0, 4))
    u, w = (part.double().numpy() for part in law.derivatives(eta, log_scale, y, edge))
    most = 4.0 * np.exp(-log_scale.numpy())
    u = np.clip(u, -most, most)
    i, j, lag = 1, 0, 2
    x = np.column_stack([np.ones(len(u)), own[:, i].double().numpy()])
    g = x.T @ (w[:, i, None] * x)
    rest = u[:, i] - w[:, i] * (x @ np.linalg.solve(g + 1e-6 * np.diag(g).mean() * np.eye(len(g)), x.T @ u[:, i]))
    s = (values - values.mean(0))[:, lag, j].double().numpy()
    column = gains[:, i, 0].double().numpy() * s
    h = np.sum(w[:, i] * column**2)
    a = float(model.attention[0, 0, lag, i, j].detach()) + rest @ column / h
    assert found.z[i, j, lag] == pytest.approx(a * h / np.sqrt(np.sum((rest * column) ** 2)), rel=1e-3)
    effect = np.sqrt(np.mean(w[:, i] * gains[:, i, 0].double().numpy() ** 2))
    assert found.theta[i, j, lag] == pytest.approx(a * effect, rel=1e-3)


def test_each_pair_gets_its_own_lag():
    pasts, model = trained(delayed(), 4)
    chosen = single_lags([one_step(model, pasts, LAWS["gaussian"])], ~np.eye(4, dtype=bool))
    assert (chosen.sum(-1) == ~np.eye(4, dtype=bool)).all()
    assert chosen[1, 0].tolist() == [False, False, True, False]
    assert chosen[3, 2].tolist() == [True, False, False, False]
    solve(model, pasts, LAWS["gaussian"], 0.0, open_prior(4), one_lag=True)
    kept = model.attention[0, 0].detach().numpy() != 0  # the forecast has forgotten the others
    assert (kept.sum(0) <= 1).all()


def test_where_all_edges_act_at_one_lag_noise_chooses_no_other():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(30, 30, 10))
    edges = rng.random((30, 30)) < 0.2
    z[edges, 0] += rng.choice([-3.0, 3.0], edges.sum())
    free = ~np.eye(30, dtype=bool)
    step = OneStep(z, z, z, z)
    with_all = single_lags([step], free)[edges & free].argmax(-1)
    assert (with_all == 0).mean() > 0.95
    assert (np.square(z)[edges & free].argmax(-1) == 0).mean() < 0.9  # each pair by itself errs
    lags = rng.integers(0, 10, (30, 30))
    z = rng.normal(size=(30, 30, 10))
    z[edges, lags[edges]] += 6.0
    assert (single_lags([OneStep(z, z, z, z)], free)[edges & free].argmax(-1) == lags[edges & free]).mean() > 0.95


def test_delays_are_found_and_pvalues_corrected_for_the_choice():
    x = delayed(seed=3)
    settings = {"max_lag": 4, "value_window": 1, "window": 1, "time_constants": (3.0,), "hidden": 4, "n_steps": 80}
    one = Synformer(1, one_lag=True, random_state=0, progress=False, **settings).fit(sf.Recording({"x": x}, 1.0))
    found = one.connectome_
    assert found.delay.values[1, 0] == 3.0
    assert found.delay.values[3, 2] == 1.0
    assert (found.pvalue.values[[1, 3], [0, 2]] < 1e-10).all()
    absent = np.ones((4, 4), bool)
    absent[[1, 3, 0, 1, 2, 3], [0, 2, 0, 1, 2, 3]] = False
    many = [found.pvalue.values[absent]]
    for seed in range(4, 12):
        fit = Synformer(1, one_lag=True, random_state=0, progress=False, **settings).fit(delayed(length=800, seed=seed))
        many.append(fit.connectome_.pvalue.values[absent])
    pooled = np.concatenate(many)
    assert stats.binomtest(int((pooled < 0.05).sum()), len(pooled), 0.05, "greater").pvalue > 1e-3


def test_the_surest_sources_are_solved_for_and_all_others_stepped():
    pasts, model = trained(delayed(6), 2)
    law, free = LAWS["gaussian"], ~np.eye(6, dtype=bool)
    columns = np.repeat(free[..., None], 2, axis=-1)
    values = values_of(model, pasts)
    (parts,) = linearise([model], pasts, [values], slice(0, 6))
    step = Stepping(model, law, values, crowd_of(values)).of(slice(0, 6), parts)
    solved = candidates([step], columns, 2)
    assert (solved.any(-1).sum(1) == 2).all()
    assert solved[1, 0].all()
    assert solved[3, 2].all()
    (few,) = solve(model, pasts, law, 0.0, open_prior(6), n_candidates=2)
    (whole,) = solve(model, pasts, law, 0.0, open_prior(6), n_candidates=None)
    np.testing.assert_allclose(few.theta[solved], whole.theta[solved], atol=0.05)
    rest = columns & ~solved
    np.testing.assert_array_equal(few.theta[rest], step.theta[rest])
    deviations = np.sqrt(np.einsum("ijkk->ijk", few.cov)[rest])
    np.testing.assert_allclose(few.theta[rest] / deviations, step.z[rest], rtol=1e-6)


def test_some_targets_at_a_time_are_all_at_once_initialisation_by_initialisation(monkeypatch):
    x = delayed(7)
    x[100:400, 2] = x[900:950, 5] = np.nan
    pasts, model = trained(x, 2, n_products=1, seeds=(0, 1, 2))
    law, free = LAWS["gaussian"], ~np.eye(7, dtype=bool)
    columns = np.repeat(free[..., None], 6, axis=-1)
    every = slice(0, 7)
    members = model.members()
    values = [values_of(member, pasts) for member in members]
    parts = [linearise([member], pasts, [value], every)[0] for member, value in zip(members, values, strict=True)]
    steps = [Stepping(m, law, v, crowd_of(v)).of(every, p) for m, v, p in zip(members, values, parts, strict=True)]
    solved = candidates(steps, columns, 3)
    monkeypatch.setattr("synfer.discover.linearised._MEMORY", 3 * 3 * 4 * len(pasts.rows) * 18)  # three targets
    assert len(list(blocks(model, pasts, 3))) == 3
    found = solve(model, pasts, law, 0.0, open_prior(7), n_candidates=3)
    for member, value, part, step, ours in zip(members, values, parts, steps, found, strict=True):
        slow = Refitting(member, law, value, 0.0, open_prior(7), crowd_of(value))
        slow.solve(every, part, solved, np.where(columns & ~solved, step.change, 0.0))
        complete(slow.out, every, step, columns, solved)
        for name in ("free", "cov", "gain", "freedom"):
            np.testing.assert_allclose(getattr(ours, name), getattr(slow.out, name), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(ours.theta, ours.free)
    assert not np.allclose(found[0].free, found[1].free, atol=1e-3)
    # Where rows are missing, what is screened out has the gain that it would have as a candidate.
    (whole, *_) = solve(model, pasts, law, 0.0, open_prior(7), n_candidates=None)
    np.testing.assert_allclose(found[0].gain[columns], whole.gain[columns], atol=0.02)  # the means are of other rows


def test_what_training_left_of_others_is_no_evidence():
    """Of sixty sources one acts; weights of the others, left off at random or all alike, do not make discoveries."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3000, 60)) + 0.5 * rng.normal(size=(3000, 1))  # all fire together
    x[1:, 0] += 0.4 * x[:-1, 1]
    pasts, model = trained(x, 1, n_steps=60)
    with torch.no_grad():
        model.attention += 0.02 + 0.05 * torch.randn(model.attention.shape, generator=torch.Generator().manual_seed(0))
    (few,) = solve(model, pasts, LAWS["gaussian"], 0.0, open_prior(60), n_candidates=8)
    z = few.free[..., 0] / np.sqrt(few.cov[..., 0, 0])
    null = ~np.eye(60, dtype=bool)
    null[0, 1] = False
    assert abs(z[0, 1]) > 8
    assert (np.abs(z[null]) > 1.96).mean() < 0.07
    assert (np.abs(z[null]) > 3.29).mean() < 0.004


def test_few_samples_of_many_sources_are_solved_for_together_or_not_tested():
    x = np.random.default_rng(0).normal(size=(260, 82))
    settings = {"max_lag": 5, "value_window": 1, "window": 1, "hidden": 4, "n_steps": 40, "progress": False}
    off = ~np.eye(82, dtype=bool)

    def fitted(x, **more):
        return Synformer(1, random_state=0, **settings, **more).fit(x).connectome_

    # 410 columns, more than samples: the surest are solved for, and what is left is no test.
    with pytest.warns(
        ResolutionWarning, match="no pair has a p-value: 260 samples are too few for 82 units, max_lag=5 and"
    ):
        screened = fitted(x)
    assert np.isnan(screened.pvalue.values[off]).all() and np.isnan(screened.interval_low.values[off]).all()
    assert np.isfinite(screened.score.values[off]).all() and np.isfinite(screened.weight.values[off]).all()
    # With a few samples more than columns all are: nothing acts, and nothing is found.
    whole = fitted(np.random.default_rng(1).normal(size=(600, 82)))
    pvalue = whole.pvalue.values[off]
    assert np.isfinite(pvalue).all() and (pvalue < 0.05).mean() < 0.06
    with pytest.warns(ResolutionWarning):
        assert np.isnan(fitted(x, n_candidates=10).pvalue.values[off]).all()


def test_halves_of_the_surest_sources_keep_to_what_is_allowed():
    x = delayed(6, length=600)
    prior = np.full((6, 6), np.nan)
    prior[1, 2:] = prior[4, :3] = 0.0
    settings = {"max_lag": 3, "value_window": 1, "window": 1, "hidden": 4, "n_steps": 60, "progress": False}
    fit = Synformer(1, one_lag=True, cross_fit=True, n_candidates=2, prior=prior, random_state=0, **settings).fit(x)
    assert fit.cross_fitted_
    closed = (prior == 0.0) | np.eye(6, dtype=bool)
    assert (fit.attention_[:, closed] == 0.0).all()
    assert (np.nan_to_num(fit.connectome_.weight.values)[closed] == 0.0).all()
    assert np.isfinite(fit.connectome_.weight.values[~closed]).all()


def test_the_screened_step_is_nearly_the_whole_one_on_a_network():
    network = sf.simulate.izhikevich_network(24, 6, 0.3, seed=5)
    seen = sf.simulate.observe.clip_and_zscore(sf.simulate.run(network, 3.0, seed=5))
    found = [
        Synformer(1, n_steps=300, hidden=16, n_candidates=k, random_state=0, progress=False).fit(seen).connectome_
        for k in (None, 12)
    ]
    whole, few = (sf.evaluate.compare(each, network.connectome)["auroc"] for each in found)
    assert few > whole - 0.02
    off = ~np.eye(30, dtype=bool)
    assert stats.spearmanr(*(each.score.values[off] for each in found)).statistic > 0.8
    assert np.isfinite(found[1].pvalue.values[off]).all()


def test_what_does_not_go_together_is_refused():
    x = delayed(length=100)
    with pytest.raises(InputError, match="one_lag must be False with products of sources, got n_products=1"):
        Synformer(one_lag=True, n_products=1).fit(x)
    with pytest.raises(InputError, match="n_candidates must be None or 'auto' with memory"):
        Synformer(memory=3, n_candidates=2).fit(x)


def test_whether_lags_differ_is_chosen_by_what_was_not_fitted():
    settings = {"value_window": 1, "window": 1, "time_constants": (3.0,), "hidden": 4, "n_steps": 80}

    def auto(x, max_lag=4):
        return Synformer(1, max_lag=max_lag, one_lag="auto", random_state=0, progress=False, **settings).fit(x)

    differing = auto(delayed(seed=3))
    assert differing.one_lag_ is True
    assert differing.attention_.shape == (4, 4, 4)
    assert np.abs(differing.attention_[:, 1, 0]).argmax() == 2
    same = auto(delayed(lag=1, seed=3))
    assert same.one_lag_ is False
    assert same.attention_.shape == (1, 4, 4)
    alone = Synformer(1, random_state=0, progress=False, **settings)
    # Of the samples that both can forecast, the choice costs nothing: the better is fitted as if it had been named.
    named = alone.set_params(max_lag=1).fit(delayed(lag=1, seed=3)[3:])
    assert named.connectome_.score.values[3, 2] == pytest.approx(same.connectome_.score.values[3, 2], rel=0.05)
    assert auto(delayed(seed=3), max_lag=1).one_lag_ is False  # nothing to choose from
