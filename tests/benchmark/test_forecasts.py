"""R2 of forecasts, and the example network whose figures are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from synfer import benchmark
from synfer.benchmark.forecasts import examples_of, forecast_of, forecast_r2, is_example
from synfer.benchmark.task import Task
from synfer.discover import ConditionalGranger, CrossCorrelation
from synfer.recording import Recording

QUIET = {"progress": False, "seed": 3}


def test_r2_is_that_of_the_last_fifth():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 100, 3))
    forecast = x + 0.5 * rng.standard_normal(x.shape)
    forecast[:, :80] = 1e6  # not looked at
    forecast[0, 85] = np.nan
    x[..., 2] = 4.0  # no unit that does not vary counts
    seen, said = (np.delete(values[:, 80:].reshape(-1, 3), 5, axis=0) for values in (x, forecast))
    each = [1.0 - ((seen - said)[:, k] ** 2).mean() / seen[:, k].var() for k in (0, 1)]
    assert forecast_r2(x, forecast) == pytest.approx(np.mean(each), rel=1e-12)
    assert forecast_r2(x[..., 2:], forecast[..., 2:]) is None
    assert forecast_r2(x, np.full_like(x, np.nan)) is None


def test_only_methods_with_a_forecast_have_one():
    x = np.random.default_rng(0).standard_normal((300, 3))
    x[1:, 1] += 2.0 * x[:-1, 0]
    recording = Recording({"x": x}, 1e-3)
    forecast = forecast_of(ConditionalGranger(lag=1).fit(recording), recording, "x")
    assert forecast_r2(x[:, 1:2], forecast[:, 1:2]) == pytest.approx(0.8, abs=0.1)
    assert forecast_of(CrossCorrelation(n_surrogates=0).fit(recording), recording, "x") is None
    other = Recording({"x": x[:, :2]}, 1e-3)  # a refusal is no forecast
    assert forecast_of(ConditionalGranger(lag=1).fit(recording), other, "x") is None


@pytest.mark.parametrize(
    ("suite", "set_", "network", "drawn"),
    [
        ("izhikevich", "exc4_inh1_p4", "seed0", True),
        ("izhikevich", "exc4_inh1_p4", "fresh_10_0", True),
        ("izhikevich", "exc4_inh1_p4", "seed10", False),
        ("izhikevich", "exc4_inh1_p4", "fresh_0_1", False),
        ("izhikevich", "exc4_inh1_p2", "seed0", False),
        ("var", "exc4_inh1_p4", "seed0", False),
    ],
)
def test_the_example_is_seed_0_of_its_cell(suite, set_, network, drawn):
    assert is_example(suite, Task(set_, network, lambda: None, "")) is drawn


def test_a_run_has_r2_in_its_rows_and_draws_the_example(tmp_path):
    methods = ["conditional_granger", "cross_correlation"]
    rows = benchmark.run("izhikevich", methods, simulate=2, sets=["exc4_inh1_p4"], out=tmp_path, **QUIET,
                         settings={"cross_correlation": {"n_surrogates": 0}})  # fmt: skip
    assert (rows["r2"].notna() == (rows["method"] == "conditional_granger")).all()
    assert rows["r2"].astype(float).dropna().between(0.0, 1.0).all()
    means = benchmark.summary(rows).set_index("method")["r2"]
    assert means["conditional_granger"] == pytest.approx(rows["r2"].dropna().astype(float).mean())
    granger, correlation = examples_of(rows, tmp_path / "izhikevich")
    assert granger.method == "conditional_granger" and correlation.method == "cross_correlation"
    assert granger.recording.signal_names == ["measured", "forecast"]
    assert correlation.recording.signal_names == ["measured"]
    of = rows[(rows["method"] == "conditional_granger") & (rows["network"] == "fresh_3_0")]
    assert forecast_r2(granger.recording["measured"], granger.recording["forecast"]) == pytest.approx(of["r2"].iloc[0])
    drawn = {path.name for path in benchmark.write_results(rows, tmp_path / "izhikevich")}
    assert {"figure_1.png", "figure_2.png", "figure_4.png"} <= drawn
    elsewhere = {path.name for path in benchmark.write_results(rows, tmp_path / "elsewhere")}
    assert "figure_1.png" not in elsewhere and "figure_4.png" in elsewhere
