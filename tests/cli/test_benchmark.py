"""`synfer benchmark`."""

from __future__ import annotations


class TestBenchmark:
    WORK = ("benchmark", "var", "--simulate", 1, "--sets", "num_nodes_10_true_lag_3")

    def test_writes_tables_and_a_picture(self, synfer, tmp_path):
        result = synfer(*self.WORK, "--methods", "conditional_granger,cross_correlation", "--out", tmp_path,
                        "--set", "cross_correlation.max_lag=2", "--jobs", 1)  # fmt: skip
        assert result.exit_code == 0, result.output
        assert "| conditional_granger | num_nodes_10_true_lag_3 | 1 | 0 |" in result.stdout
        made = {path.name for path in (tmp_path / "var").iterdir() if path.is_file()}
        assert made == {"results.csv", "results.md", "summary.csv", "summary.md", "calibration.md", "auroc.png"}
        assert "'max_lag': 2" in (tmp_path / "var" / "results.csv").read_text()

    def test_what_is_wrong_is_one_line(self, synfer, refused, tmp_path):
        refused(synfer(*self.WORK, "--methods", "grangr", "--out", tmp_path), "method", "grangr")
        refused(
            synfer(*self.WORK, "--methods", "mvgc", "--out", tmp_path, "--set", "lag=2"), "METHOD.KEY=VALUE", "lag=2"
        )
        refused(synfer("benchmark", "dream3", "--methods", "mvgc", "--out", tmp_path, "--data", tmp_path), "no files")
        refused(synfer("benchmark", "dreem3", "--methods", "mvgc", "--out", tmp_path, "--data", tmp_path), "dream3")

    def test_why_a_fit_failed_is_said_below_the_table(self, synfer, tmp_path):
        result = synfer(*self.WORK, "--methods", "conditional_granger,cross_correlation", "--out", tmp_path,
                        "--set", "conditional_granger.lag=60")  # fmt: skip
        assert result.exit_code == 0, result.output
        (said,) = (line for line in result.stdout.splitlines() if "failed on" in line)
        assert said.startswith("conditional_granger failed on 1 of 1 networks of num_nodes_10_true_lag_3: InputError: ")

    def test_a_run_of_which_nothing_came_is_no_success(self, synfer, refused, tmp_path):
        result = synfer(*self.WORK, "--methods", "conditional_granger", "--out", tmp_path,
                        "--set", "conditional_granger.lag=60")  # fmt: skip
        assert result.exit_code == 1 and "failed on 1 of 1 networks" in result.stdout
        wrong = synfer(*self.WORK, "--methods", "causalformer", "--out", tmp_path, "--set", "causalformer.n_init=two")
        refused(wrong, "n_init", "two")

    def test_options_are_named_as_the_shell_has_them(self, synfer, refused, tmp_path):
        neither = ("benchmark", "var", "--methods", "mvgc", "--out", tmp_path)
        refused(synfer(*neither), "--data", "--simulate")
        refused(synfer("benchmark", "netsim", "--simulate", 1, *neither[2:]), "'netsim'", "--data")
        refused(synfer("benchmark", "robustness", "--data", tmp_path, *neither[2:]), "'robustness'", "--simulate")
