"""The predictor benchmark: nothing leaks, the same seed gives the same frame, a killed one goes on."""

from __future__ import annotations

import importlib
import json
import linecache
import pydoc
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy.stats import kendalltau
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.dummy import DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.code import estimator_digest
from nasmeta.errors import ColumnError, JournalError, SettingError, UnknownNameError
from nasmeta.prediction import SIZES
from nasmeta.prediction._benchmark import Records
from nasmeta.prediction._models import models_of
from nasmeta.prediction._protocols import RULES, splits_of
from nasmeta.predictors import PREDICTORS, ColumnEncoder, RidgeRegressor, make_encoder

TIMES = ["fit_seconds", "predict_seconds", "cpu_seconds"]
SPACE = nm.get_space("nb201")
VALID: dict[str, Any] = {"target": "valid"}  # what is embedded


def measured(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=TIMES)


class Memory(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Know the labels of seen cells and of their isomorphs; guess by the cell's number elsewhere."""

    seen: dict[int, float]

    def fit(self, X: Any, y: Any) -> Memory:
        self.seen = dict(zip(np.asarray(SPACE.canonical(X)).tolist(), y, strict=True))
        return self

    def predict(self, X: Any) -> Any:
        classes = np.asarray(SPACE.canonical(X)).tolist()
        return np.array([self.seen.get(c, int(x) / 1e6) for c, x in zip(classes, X, strict=True)])


@pytest.mark.parametrize("protocol", ["few", "half"])
@pytest.mark.parametrize("rule", ["upstream", "zero", "function"])
def test_scopes_hold_what_they_say(protocol: str, rule: Any) -> None:
    pool = np.arange(SPACE.n_cells, dtype=np.int32)
    splits = splits_of(protocol, SPACE, pool, 7812 if protocol == "half" else 781, np.random.SeedSequence(3), rule)
    scopes = set()
    for split in splits:
        for scope, cells in split.scored.items():
            scopes.add(scope)
            assert len(np.unique(cells)) == len(cells)
            classes = SPACE.function_classes if rule == "function" else SPACE.canonical(np.arange(SPACE.n_cells), rule)
            shared = np.isin(classes[cells], classes[split.train])
            if scope == "all":
                assert len(cells) == SPACE.n_cells
            elif scope == "unseen":
                assert len(cells) == SPACE.n_cells - len(split.train)
                assert not np.isin(cells, split.train).any()
            else:
                assert not shared.any()
                assert len(cells) > 7000
    assert scopes == {"isomorph-disjoint", "unseen", "all"}


def test_memorised_isomorphs_help_only_where_they_may_be_scored() -> None:
    frame = nm.prediction.benchmark_predictors({"memory": Memory()}, sizes=[1563], draws=2, **VALID)
    tau = frame.groupby("scope")["kendall_tau"].mean()
    assert abs(tau["isomorph-disjoint"]) < 0.03
    assert tau["unseen"] > 0.1
    assert tau["all"] > tau["unseen"]


def test_scores_are_those_of_the_predictor_by_hand() -> None:
    frame = nm.prediction.benchmark_predictors("ridge", "nb201/cifar100", sizes=[156], draws=2, seed=4, **VALID)
    draw = np.random.SeedSequence(4, spawn_key=(1,))
    split = splits_of("few", SPACE, np.arange(SPACE.n_cells, dtype=np.int32), 156, draw, "upstream")[0]
    labels = nm.get_task("nb201/cifar100").values
    model = nm.predictors.make_predictor("ridge").fit(split.train, labels[split.train])
    row = frame[(frame.draw == 1) & (frame.scope == "isomorph-disjoint")].iloc[0]
    cells = split.scored["isomorph-disjoint"]
    predicted = model.predict(cells)
    assert row.n_scored == len(cells)
    assert row.kendall_tau == pytest.approx(kendalltau(predicted, labels[cells]).statistic, abs=1e-12)
    assert row.rmse == pytest.approx(np.sqrt(np.mean((predicted - labels[cells]) ** 2)))
    assert 0.5 < row.coverage_95 < 1
    assert row.crps > 0
    assert row.target == "cifar100/accuracy/valid/200/mean of NATS-tss v1.0"


def test_draws_differ_and_predictors_share_them() -> None:
    frame = nm.prediction.benchmark_predictors(["parameters", "flops", "nwot"], sizes=[50], draws=3, **VALID)
    unseen = frame[frame.scope == "isomorph-disjoint"]
    assert (unseen.groupby("draw")["n_scored"].nunique() == 1).all()
    assert unseen["n_scored"].nunique() > 1
    assert frame[["rmse", "crps"]].isna().all(axis=None)
    everywhere = frame[frame.scope == "all"].groupby("predictor")["kendall_tau"]
    assert (everywhere.nunique() == 1).all()
    by_hand = kendalltau(
        SPACE.params(np.arange(SPACE.n_cells), "cifar10"), nm.get_task("nb201/cifar10").values
    ).statistic
    assert everywhere.first()["parameters"] == pytest.approx(by_hand, abs=1e-12)


def test_encoders_are_added_to_the_predictors_own() -> None:
    task = nm.get_task("nb201/cifar10")

    def n_features(spec: str) -> int:
        pipeline = models_of([spec])[0].build(task, 0)
        return int(pipeline.fit(np.arange(30), np.arange(30.0)).steps[-1][1].n_features_in_)

    own, more = n_features("ridge"), n_features("ridge:default+proxies")
    assert more == own + len(nm.training.measured_proxies())
    assert n_features("ridge:one-hot") == 30
    mixed = models_of(["gp/xgboost:default+proxies"])[0].build(task, 0).steps[-1][1]
    with_columns = ["columnencoder" in dict(m.steps[0][1].transformer_list) for _, m in mixed.members]
    assert with_columns == [False, True]
    ensemble = models_of(["ensemble:default+proxies"])[0].build(task, 0).steps[-1][1]
    assert [name for name, _ in ensemble.members] == ["gp", "xgboost"]
    assert all("columnencoder" in dict(member.steps[0][1].transformer_list) for _, member in ensemble.members)


@pytest.mark.slow
def test_proxies_help() -> None:
    names = ["gp", "gp:default+proxies"]
    frame = nm.prediction.benchmark_predictors(names, "nb201/imagenet16-120", sizes=[78], draws=3, **VALID)
    tau = frame[frame.scope == "isomorph-disjoint"].groupby("predictor")["kendall_tau"].mean()
    assert tau["gp:default+proxies"] > tau["gp"] + 0.005


def test_half_learns_from_half() -> None:
    frame = nm.prediction.benchmark_predictors(["ridge"], protocol="half", draws=1, **VALID)
    assert frame["n_train"].tolist() == [7812] * 3
    assert frame.set_index("scope").loc["isomorph-disjoint", "n_scored"] > 7000
    with pytest.raises(SettingError, match="takes no sizes"):
        nm.prediction.benchmark_predictors(["ridge"], protocol="half", sizes=[10], **VALID)


@pytest.mark.slow
def test_journal_goes_on_and_gives_the_same_frame(tmp_path: Path) -> None:
    names, options = ["ridge", "gp"], {"sizes": [20, 50], "draws": 2, **VALID}
    whole = nm.prediction.benchmark_predictors(names, **options)
    folder = tmp_path / "kept"
    nm.prediction.benchmark_predictors(names, sizes=[20], draws=1, folder=folder, **VALID)
    journal = folder / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"job": {"predictor": "gp"')  # as a kill leaves it
    first = nm.prediction.benchmark_predictors(names, folder=folder, **options)
    assert_frame_equal(measured(first), measured(whole))
    lines = journal.read_bytes()
    again = nm.prediction.benchmark_predictors(names, folder=folder, **options)
    assert_frame_equal(again, first)  # seconds included: nothing was measured anew
    assert journal.read_bytes() == lines
    assert len(lines.splitlines()) == 1 + 2 * 2 * 2


def test_journal_of_another_benchmark_is_refused(tmp_path: Path) -> None:
    nm.prediction.benchmark_predictors("ridge", sizes=[20], draws=1, folder=tmp_path, **VALID)
    with pytest.raises(JournalError, match="seed is 0 there, but 1 was asked for"):
        nm.prediction.benchmark_predictors("ridge", sizes=[20], draws=1, folder=tmp_path, seed=1, **VALID)
    with pytest.raises(JournalError, match="task"):
        nm.prediction.benchmark_predictors("ridge", "nb201/cifar100", sizes=[20], draws=1, folder=tmp_path, **VALID)
    journal = tmp_path / "journal.jsonl"
    content = journal.read_text()
    journal.write_text(content + '{"rows": []}\n')
    with pytest.raises(JournalError, match="line 3: the checksum"):
        nm.prediction.benchmark_predictors("ridge", sizes=[20], draws=1, folder=tmp_path, **VALID)
    for other in ("something else", "something else\n"):
        journal.write_text(other)
        with pytest.raises(JournalError, match="no header of a journal"):
            nm.prediction.benchmark_predictors("ridge", sizes=[20], draws=1, folder=tmp_path, **VALID)
        assert journal.read_text() == other


def test_folder_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(JournalError, match=r"Cannot write the journal .*a file"):
        nm.prediction.benchmark_predictors("ridge", sizes=[20], draws=1, folder=tmp_path / "a file", **VALID)
    with Records(tmp_path, {}), pytest.raises(JournalError, match="in use by another process"):
        nm.prediction.benchmark_predictors("ridge", sizes=[20], draws=1, folder=tmp_path, **VALID)


def test_other_settings_are_other_jobs(tmp_path: Path) -> None:
    options: dict[str, Any] = {"sizes": [50], "draws": 1, "folder": tmp_path, **VALID}
    plain = nm.prediction.benchmark_predictors("xgboost", **options)
    few = nm.prediction.benchmark_predictors("xgboost", settings={"xgboost": {"n_estimators": 5}}, **options)
    assert (few["kendall_tau"] != plain["kendall_tau"]).all()
    jobs = [json.loads(line)[0] for line in (tmp_path / "journal.jsonl").read_text().splitlines()[1:]]
    assert [job["settings"] for job in jobs] == [{}, {"n_estimators": 5}]


@pytest.mark.slow
def test_same_seed_gives_the_same_frame_in_another_process() -> None:
    code = (
        "import nasmeta as nm; f = nm.prediction.benchmark_predictors(['xgboost', 'ridge'], sizes=[30], "
        "target='valid', draws=1); print(f['kendall_tau'].tolist())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    here = nm.prediction.benchmark_predictors(["xgboost", "ridge"], sizes=[30], draws=1, **VALID)
    assert there.strip() == str(here["kendall_tau"].tolist())


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"predictors": ["gpp"]}, UnknownNameError, "Did you mean 'gp'"),
        ({"predictors": []}, SettingError, "name at least one"),
        ({"predictors": ["gp:one-hott"]}, UnknownNameError, "Did you mean 'one-hot'"),
        ({"predictors": ["gp"], "encoder": "columns"}, UnknownNameError, "Unknown encoder"),
        ({"predictors": ["nwot:one-hot"]}, SettingError, "takes no encoder"),
        ({"predictors": ["gp/nwot"]}, SettingError, "nwot predicts no label"),
        ({"predictors": {"mine": 3}}, SettingError, "mine must be a name or an estimator"),
        ({"sizes": [20_000]}, SettingError, "from 2 to 15,624 .*15,625 cells with a label"),
        ({"sizes": [1]}, SettingError, "whole number from 2"),
        ({"sizes": [7.5]}, SettingError, "each entry a whole number, not .7.5"),
        ({"sizes": []}, SettingError, "at least one number of labels"),
        ({"protocol": "published"}, UnknownNameError, "Unknown protocol 'published'.*few, half"),
        ({"target": "train"}, UnknownNameError, "test, valid"),
        ({"draws": 0}, SettingError, "draws"),
        ({"rule": "all"}, UnknownNameError, "upstream"),
        ({"task": "nb201/cifar11"}, UnknownNameError, "nb201/cifar10"),
        ({"settings": {"gp": {}}}, SettingError, "not among ridge"),
        ({"settings": {"ridge": {"depth": 3}}}, SettingError, "no setting 'depth'"),
        ({"folder": 3}, SettingError, "folder"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(arguments: dict[str, Any], error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        nm.prediction.benchmark_predictors(**{"predictors": ["ridge"], **VALID, **arguments})


def test_missing_test_column_names_the_command() -> None:
    task = nm.get_task("nb201/cifar10")
    if any(column.dataset == "cifar10" for column in task.report_columns):
        pytest.skip("The test values are here.")
    with pytest.raises(ColumnError, match=r'fetch meco.* Or target="valid" compares with the signal'):
        nm.prediction.benchmark_predictors("ridge", sizes=[20])


@pytest.mark.slow
def test_against_test_values_and_on_another_space(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import nasmeta as nm\n"
        "for task in ('nb201/cifar10', 'tnb101/class_scene', 'tnb101/room_layout'):\n"
        "    f = nm.prediction.benchmark_predictors('gp', task, sizes=[156], draws=2)\n"
        "    tau = f.groupby('scope')['kendall_tau'].mean()\n"
        "    print(f['target'].iloc[0], tau['isomorph-disjoint'], tau['all'], sep=' | ')"
    )
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path))
    fetched = CliRunner().invoke(app, ["data", "fetch", "meco", "transnas"])
    assert fetched.exit_code == 0, fetched.output
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    targets, disjoint, everywhere = zip(*(line.split(" | ") for line in done.stdout.splitlines()), strict=True)
    assert targets[0] == "cifar10/accuracy/test/200/mean of NB201 v1.1"
    assert 0.74 < float(disjoint[0]) < float(everywhere[0]) < 0.85
    assert all("/test/" in target for target in targets)
    assert min(map(float, everywhere[1:])) > 0.4  # a loss, too: predictions are in the unit of the labels


@pytest.mark.slow
def test_command_prints_tables_and_writes_files(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    arguments = ["--predictors", "gp,parameters", "--sizes", "20,50", "--draws", "2", "--target", "valid"]
    result = CliRunner().invoke(app, ["predict", *arguments, "--output", str(folder)], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    assert result.stdout.index("no isomorph gave a label") < result.stdout.index("as published work scores")
    for name in ("results.csv", "summary.md", "kendall_tau.png", "kendall_tau.svg", "calibration.png"):
        assert str(folder / name) in result.stdout.replace("\n", "")
        assert (folder / name).stat().st_size > 500
    frame = pd.read_csv(folder / "results.csv")
    assert len(frame) == 2 * 2 * 2 * 3
    tau = frame[(frame.scope == "all") & (frame.predictor == "gp") & (frame.n_train == 50)]["kendall_tau"].mean()
    assert f"{tau:.3f}" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sizes", "many"], "Sizes are whole numbers"),
        (["--predictors", "gp:nothing"], "Unknown encoder"),
        (["--dataset", "cifar11"], "Unknown task"),
        (["--predictors", ","], "name at least one"),
    ],
)
def test_command_refuses_in_one_line(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(app, ["predict", "--target", "valid", *arguments])
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_help_shows_all_options() -> None:
    listed = pydoc.render_doc(nm.predict, renderer=pydoc.plaintext).partition("Compare predictors")[0]
    assert "draws: 'int' = 5" in listed
    assert "rule: 'Rule' = 'upstream'" in listed
    assert "-> nasmeta.prediction" in listed


def test_help_names_all_rules() -> None:
    said = CliRunner().invoke(app, ["predict", "--help"]).output
    words = " ".join(said.replace("│", " ").split()).split("--rule", 1)[1].split(" --", 1)[0]
    assert [rule for rule in RULES if rule not in words] == []


def test_sizes_are_those_of_published_work() -> None:
    assert SIZES == (10, 20, 50, 78, 156, 469, 781, 1563)


def test_a_constant_prediction_has_no_order() -> None:
    frame = nm.prediction.benchmark_predictors({"mean": DummyRegressor()}, sizes=[20], draws=1, **VALID)
    assert frame["kendall_tau"].isna().all()
    assert frame["rmse"].notna().all()


def test_estimators_that_print_alike_share_no_results(tmp_path: Path) -> None:
    """NumPy shortens long arrays in ``repr``, so these two pipelines print the same."""
    column = np.arange(SPACE.n_cells, dtype=np.float64)
    other = column.copy()
    other[5:-5] = np.random.default_rng(0).permutation(other[5:-5])
    one, two = (make_pipeline(ColumnEncoder(values), RidgeRegressor()) for values in (column, other))
    assert repr(one) == repr(two)
    options: dict[str, Any] = {"sizes": [50], "draws": 1, **VALID}
    first = nm.prediction.benchmark_predictors({"a": one}, folder=tmp_path, **options)
    second = nm.prediction.benchmark_predictors({"a": two}, folder=tmp_path, **options)
    assert_frame_equal(measured(second), measured(nm.prediction.benchmark_predictors({"a": two}, **options)))
    assert not measured(second).equals(measured(first))
    again = nm.prediction.benchmark_predictors({"a": clone(one)}, folder=tmp_path, **options)
    assert_frame_equal(again, first)  # times, too: it was read


def test_estimators_whose_parameters_cannot_be_told_are_kept_in_no_folder(tmp_path: Path) -> None:
    own = make_pipeline(FunctionTransformer(lambda cells: np.reshape(cells, (-1, 1))), RidgeRegressor())
    options: dict[str, Any] = {"sizes": [20], "draws": 1, **VALID}
    with pytest.raises(SettingError, match=r"steps\[0\]\[1\]\.func is a function"):
        nm.prediction.benchmark_predictors({"own": own}, folder=tmp_path, **options)
    with pytest.raises(SettingError, match="FrozenEstimator"):
        estimator_digest(FrozenEstimator(RidgeRegressor()))
    assert len(nm.prediction.benchmark_predictors({"own": own, "other": Memory()}, **options)) == 6


def test_digest_of_an_estimator_is_that_of_its_content() -> None:
    def of(value: Any) -> str:
        return estimator_digest(DummyRegressor(constant=value))

    values = [None, 1, 1.0, True, "1", [1], (1,), {"a": 1}, {1}, np.array([1]), np.array([1.0]), np.array([[1]])]
    values += [np.array([1, None]), [[1], []], [[], [1]], ["a", "b"], ["ab"]]
    values += [np.log, np.exp, measured, Ridge(), Ridge(2)]
    assert len({of(value) for value in values}) == len(values)
    assert of(np.arange(6)[::2]) == of(np.array([0, 2, 4]))


def test_named_predictors_keep_their_identity() -> None:
    """Journals of before stay valid."""
    models = models_of(["ridge", "gp:graph", "gp/ridge"], settings={"ridge": {"labels": "rank"}})
    assert [model.identity(nm.get_task("nb201/cifar10")) for model in models] == [
        {"predictor": "ridge", "encoder": None, "settings": {"labels": "rank"}},
        {"predictor": "gp", "encoder": "graph", "settings": {}},
        {
            "predictor": "ensemble", "encoder": None, "settings": {},
            "members": [{"predictor": name, "encoder": None, "settings": {}} for name in ("gp", "ridge")],
        },
    ]  # fmt: skip


def test_fits_by_other_code_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"sizes": [20], "draws": 1, "folder": tmp_path / "kept", **VALID}
    monkeypatch.syspath_prepend(tmp_path)

    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def own(returned: str) -> dict[str, Any]:
        """Write a module with a regressor, and import it anew."""
        (tmp_path / "own_predictor.py").write_text(
            "from sklearn.base import BaseEstimator, RegressorMixin\n"
            "class Sum(RegressorMixin, BaseEstimator):\n"
            "    def fit(self, X, y):\n        self.n_ = len(X)\n        return self\n"
            f"    def predict(self, X):\n        return {returned}\n"
        )
        linecache.clearcache()
        sys.modules.pop("own_predictor", None)
        PREDICTORS._outside.clear()
        handed = importlib.import_module("own_predictor").Sum()
        encoder = ColumnEncoder(np.arange(SPACE.n_cells, dtype=np.float64))
        return {"named": "own_predictor:Sum", "handed": make_pipeline(encoder, handed)}

    first = nm.prediction.benchmark_predictors(own("X.sum(axis=1)"), **options)
    assert_frame_equal(nm.prediction.benchmark_predictors(own("X.sum(axis=1)  # the sum"), **options), first)
    for label, predictor in own("-X.sum(axis=1)").items():
        with pytest.raises(JournalError, match=f"other code of {label}"):
            nm.prediction.benchmark_predictors({label: predictor}, **options)


def test_an_estimator_of_another_space_is_refused() -> None:
    pipeline = make_pipeline(make_encoder("counts"), Ridge())
    with pytest.raises(SettingError, match="mine reads architectures of nb201, but those of graph/cora"):
        nm.predict({"mine": pipeline}, "graph/cora", sizes=[20], draws=1, target="valid")
