"""The predictor benchmark: nothing leaks, the same seed gives the same frame, a killed one goes on."""

from __future__ import annotations

import importlib
import linecache
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
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import DamagedFileError, JournalError, SettingError, UnknownNameError
from nasmeta.prediction._models import models_of
from nasmeta.prediction._predict import splits_of
from nasmeta.predictors import PREDICTORS, ColumnEncoder, make_encoder
from nasmeta.searchers import PredictorSearch

TIMES = ["fit_seconds", "predict_seconds", "cpu_seconds"]
SPACE = nm.get_space("nb201")
VALID = {"target": "valid"}  # what is embedded


def scores(*arguments: Any, **options: Any) -> pd.DataFrame:
    return nm.predict(*arguments, **options).frame


def measured(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=TIMES)


class Memory(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Know the labels of seen cells and of their isomorphs; guess by the cell's number elsewhere."""

    reads_architectures = True
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
    pool = np.arange(SPACE.n_architectures, dtype=np.int32)
    splits = splits_of(
        protocol, SPACE, pool, 7812 if protocol == "half" else 781, np.random.SeedSequence(3), rule
    )
    scopes = set()
    for split in splits:
        for scope, architectures in split.scored.items():
            scopes.add(scope)
            assert len(np.unique(architectures)) == len(architectures)
            classes = (
                SPACE.function_classes
                if rule == "function"
                else SPACE.canonical(np.arange(SPACE.n_architectures), rule)
            )
            shared = np.isin(classes[architectures], classes[split.train])
            if scope == "all":
                assert len(architectures) == SPACE.n_architectures
            elif scope == "unseen":
                assert len(architectures) == SPACE.n_architectures - len(split.train)
                assert not np.isin(architectures, split.train).any()
            else:
                assert not shared.any()
                assert len(architectures) > 7000
    assert scopes == {"isomorph-disjoint", "unseen", "all"}


def test_memorised_isomorphs_help_only_where_they_may_be_scored() -> None:
    frame = scores({"memory": Memory()}, sizes=[1563], draws=2, **VALID)
    tau = frame.groupby("scope")["kendall_tau"].mean()
    assert abs(tau["isomorph-disjoint"]) < 0.03
    assert tau["unseen"] > 0.1
    assert tau["all"] > tau["unseen"]


def test_scores_are_those_of_the_predictor_by_hand() -> None:
    frame = scores("ridge", "nb201/cifar100", sizes=[156], draws=2, seed=4, **VALID)
    draw = np.random.SeedSequence(4, spawn_key=(1,))
    split = splits_of(
        "few", SPACE, np.arange(SPACE.n_architectures, dtype=np.int32), 156, draw, "upstream"
    )[0]
    labels = nm.get_task("nb201/cifar100").values
    model = nm.predictors.make_predictor("ridge").fit(split.train, labels[split.train])
    row = frame[(frame.draw == 1) & (frame.scope == "isomorph-disjoint")].iloc[0]
    architectures = split.scored["isomorph-disjoint"]
    predicted = model.predict(architectures)
    assert row.n_scored == len(architectures)
    assert row.kendall_tau == pytest.approx(
        kendalltau(predicted, labels[architectures]).statistic, abs=1e-12
    )
    assert row.rmse == pytest.approx(np.sqrt(np.mean((predicted - labels[architectures]) ** 2)))
    assert 0.5 < row.coverage_95 < 1
    assert row.crps > 0
    assert row.target == "cifar100/accuracy/valid/200/mean of NATS-tss v1.0"


def test_draws_differ_and_predictors_share_them() -> None:
    frame = scores(["parameters", "flops", "nwot"], sizes=[50], draws=3, **VALID)
    unseen = frame[frame.scope == "isomorph-disjoint"]
    assert (unseen.groupby("draw")["n_scored"].nunique() == 1).all()
    assert unseen["n_scored"].nunique() > 1
    assert frame[["rmse", "crps"]].isna().all(axis=None)
    everywhere = frame[frame.scope == "all"].groupby("predictor")["kendall_tau"]
    assert (everywhere.nunique() == 1).all()
    by_hand = kendalltau(
        SPACE.params(np.arange(SPACE.n_architectures), "cifar10"),
        nm.get_task("nb201/cifar10").values,
    ).statistic
    assert everywhere.first()["parameters"] == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize(
    ("predictor", "members"),
    [("gp/xgboost:default+proxies", [False, True]), ("ensemble:default+proxies", [True, True])],
)
def test_encoders_are_added_to_those_of_the_members(predictor: str, members: list[bool]) -> None:
    ensemble = models_of([predictor])[0].build(nm.get_task("nb201/cifar10"), 0).steps[-1][1]
    assert [name.partition(":")[0] for name, _ in ensemble.members] == ["gp", "xgboost"]
    assert [
        "columnencoder" in dict(m.steps[0][1].transformer_list) for _, m in ensemble.members
    ] == members


@pytest.mark.slow
def test_journal_goes_on_and_gives_the_same_frame(tmp_path: Path) -> None:
    names, options = ["ridge", "gp"], {"sizes": [20, 50], "draws": 2, **VALID}
    whole = scores(names, **options)
    folder = tmp_path / "kept"
    scores(names, sizes=[20], draws=1, folder=folder, **VALID)
    journal = folder / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"job": {"predictor": "gp"')  # as a kill leaves it
    first = scores(names, folder=folder, **options)
    assert_frame_equal(measured(first), measured(whole))
    lines = journal.read_bytes()
    again = scores(names, folder=folder, **options)
    assert_frame_equal(again, first)  # seconds included: nothing was measured anew
    assert journal.read_bytes() == lines
    assert len(lines.splitlines()) == 1 + 2 * 2 * 2


def test_journal_of_another_benchmark_is_refused(tmp_path: Path) -> None:
    scores("ridge", sizes=[20], draws=1, folder=tmp_path, **VALID)
    with pytest.raises(JournalError):
        scores("ridge", sizes=[20], draws=1, folder=tmp_path, seed=1, **VALID)
    with pytest.raises(JournalError):
        scores("ridge", "nb201/cifar100", sizes=[20], draws=1, folder=tmp_path, **VALID)
    journal = tmp_path / "journal.jsonl"
    content = journal.read_text()
    for changed in (content + '{"rows": []}\n', "something else\n"):
        journal.write_text(changed)
        with pytest.raises(DamagedFileError):
            scores("ridge", sizes=[20], draws=1, folder=tmp_path, **VALID)
        assert journal.read_text() == changed


def test_changed_code_and_objects_are_fitted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"sizes": [20], "draws": 1, "folder": tmp_path / "kept", **VALID}
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def import_with(returned: str) -> Any:
        """Write a module with a regressor, and import it anew."""
        (tmp_path / "own_predictor.py").write_text(
            "from sklearn.base import BaseEstimator, RegressorMixin\n"
            "class Sum(RegressorMixin, BaseEstimator):\n"
            "    def __init__(self, scale=1.0):\n        self.scale = scale\n"
            "    def fit(self, X, y):\n        self.n_ = len(X)\n        return self\n"
            f"    def predict(self, X):\n        return {returned}\n"
            "estimator = Sum()\n"
        )
        linecache.clearcache()
        sys.modules.pop("own_predictor", None)
        PREDICTORS._by_place.clear()
        return importlib.import_module("own_predictor")

    import_with("X.reshape(len(X), -1)[:, :40].sum(axis=1)")
    first = scores("own_predictor:estimator", **options)
    assert_frame_equal(scores("own_predictor:estimator", **options), first)
    import_with("-X.reshape(len(X), -1)[:, :40].sum(axis=1)").estimator.set_params(scale=2.0)
    second = scores("own_predictor:estimator", **options)
    assert (second["kendall_tau"] == -first["kendall_tau"]).all()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"predictors": ["gp:one-hott"]}, UnknownNameError),
        ({"predictors": ["nwot:one-hot"]}, UnknownNameError),
        ({"predictors": ["gp/nwot"]}, SettingError),
        ({"predictors": ["gp/maml"]}, SettingError),
        ({"predictors": [Ridge(1.0), Ridge(2.0)]}, SettingError),
        ({"sources": "nb201"}, SettingError),
        ({"sizes": [20_000]}, SettingError),
        ({"protocol": "half", "sizes": [10]}, SettingError),
        ({"task": "nb201/cifar11"}, UnknownNameError),
        ({"settings": {"gp": {}}}, UnknownNameError),
    ],
)
def test_bad_input_is_refused_before_anything_runs(arguments: dict, error: type) -> None:
    with pytest.raises(error):
        scores(**{"predictors": ["ridge"], **VALID, **arguments})


@pytest.mark.slow
def test_against_test_values_and_on_another_space(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import nasmeta as nm\n"
        "for task in ('nb201/cifar10', 'tnb101/class_scene', 'tnb101/room_layout'):\n"
        "    f = nm.predict('gp', task, sizes=[156], draws=2).frame\n"
        "    tau = f.groupby('scope')['kendall_tau'].mean()\n"
        "    print(f['target'].iloc[0], tau['isomorph-disjoint'], tau['all'], sep=' | ')"
    )
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path))
    fetched = CliRunner().invoke(app, ["data", "fetch", "meco", "transnas"])
    assert fetched.exit_code == 0, fetched.output
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    targets, disjoint, everywhere = zip(
        *(line.split(" | ") for line in done.stdout.splitlines()), strict=True
    )
    assert targets[0] == "cifar10/accuracy/test/200/mean of NB201 v1.1"
    assert 0.74 < float(disjoint[0]) < float(everywhere[0]) < 0.85
    assert all("/test/" in target for target in targets)
    # a loss, too: predictions are in the unit of the labels
    assert min(map(float, everywhere[1:])) > 0.4


def test_the_test_values_of_a_task_with_a_budget() -> None:
    architectures = np.arange(60)
    accuracy = pd.DataFrame(
        {
            "cell": architectures,
            "accuracy": 50 + architectures / 2,
            "split": "valid",
            "release": "v1",
        }
    )
    test = accuracy.assign(accuracy=accuracy["accuracy"] - 1, split="test", release="v2")
    latency = pd.DataFrame(
        {"cell": architectures, "latency": 1 + architectures % 7, "release": "v1"}
    )
    table = nm.Table.from_frame(pd.concat([accuracy, test, latency]), space="nb201", dataset="pets")
    task = table.task("accuracy").with_objective("within-5/latency")
    assert set(scores("ridge", task, sizes=[20], draws=1)["target"]) == {
        "pets/accuracy/test/-/- of v2"
    }


@pytest.mark.slow
def test_command_prints_tables_and_writes_files(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    arguments = [
        "--predictors",
        "gp,parameters",
        "--sizes",
        "20,50",
        "--draws",
        "2",
        "--target",
        "valid",
    ]
    result = CliRunner().invoke(
        app, ["predict", *arguments, "--folder", str(folder)], env={"COLUMNS": "80"}
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.index("without a labelled isomorph") < result.stdout.index(
        "as in published work"
    )
    for name in (
        "results.csv",
        "summary.md",
        "kendall_tau.png",
        "kendall_tau.svg",
        "calibration.png",
    ):
        assert str(folder / name) in result.stdout.replace("\n", "")
        assert (folder / name).stat().st_size > 500
    frame = pd.read_csv(folder / "results.csv")
    assert len(frame) == 2 * 2 * 2 * 3
    tau = frame[(frame.scope == "all") & (frame.predictor == "gp") & (frame.n_train == 50)][
        "kendall_tau"
    ].mean()
    assert f"{tau:,.4f}".rstrip("0") in result.stdout


def test_estimators_that_print_alike_share_no_results(tmp_path: Path) -> None:
    """NumPy shortens long arrays in ``repr``, so these two pipelines print the same."""
    column = np.arange(SPACE.n_architectures, dtype=np.float64)
    other = column.copy()
    other[5:-5] = np.random.default_rng(0).permutation(other[5:-5])
    one, two = (
        make_pipeline(ColumnEncoder(values), PREDICTORS["ridge"]()) for values in (column, other)
    )
    assert repr(one) == repr(two)
    options = {"sizes": [50], "draws": 1, **VALID}
    first = scores({"a": one}, folder=tmp_path, **options)
    second = scores({"a": two}, folder=tmp_path, **options)
    assert_frame_equal(measured(second), measured(scores({"a": two}, **options)))
    assert not measured(second).equals(measured(first))
    again = scores({"a": clone(one)}, folder=tmp_path, **options)
    assert_frame_equal(again, first)  # times, too: it was read


def test_estimators_whose_parameters_cannot_be_told_are_kept_in_no_folder(tmp_path: Path) -> None:
    own = make_pipeline(FunctionTransformer(lambda features: features**2), PREDICTORS["ridge"]())
    options = {"sizes": [20], "draws": 1, **VALID}
    with pytest.raises(SettingError):
        scores({"own": own}, folder=tmp_path, **options)
    assert len(scores({"own": own, "other": Memory()}, **options)) == 6


def test_an_estimator_of_another_space_is_refused() -> None:
    pipeline = make_pipeline(make_encoder("counts"), Ridge())
    with pytest.raises(SettingError) as caught:
        nm.predict({"mine": pipeline}, "graph/cora", sizes=[20], draws=1, target="valid")
    assert caught.value.value == "nb201"


# -- one contract for predictors
OWN_MODULE = """
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from nasmeta.predictors import make_encoder

class Reads(RegressorMixin, BaseEstimator):
    reads_architectures = True
    seen = []
    def fit(self, X, y):
        self.seen.append((X.dtype.kind, X.ndim))
        self.mean_ = np.mean(y)
        return self
    def predict(self, X):
        return self.mean_ + np.asarray(X) % 7

class Steps(Pipeline):
    def __init__(self):
        super().__init__([("encoder", make_encoder("one-hot")), ("ridge", Ridge())])

def made(alpha=1.0):
    return make_pipeline(make_encoder("one-hot"), Ridge(alpha))

estimator = Reads()
pipeline = made()
steps = Steps()
features = Ridge()
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "contract_module.py").write_text(OWN_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "contract_module", raising=False)
    PREDICTORS._by_place.clear()
    return importlib.import_module("contract_module")


SAME = {
    "one-hot": ["pipeline", "Steps", "steps", "made"],
    "default": ["features"],
    "architectures": ["Reads", "estimator"],
}


@pytest.mark.parametrize("reads", SAME)
def test_every_form_of_a_predictor_receives_the_same(own: Any, reads: str) -> None:
    """As an object and by its place; in predict, on the command line and as a searcher."""
    few = {"sizes": [20], "draws": 1, **VALID}
    forms = {f"{name} {kind}": form for name in SAME[reads]
             for kind, form in (("object", getattr(own, name)), ("place", f"contract_module:{name}"))}  # fmt: skip
    expected = {
        "one-hot": own.made(),
        "default": "contract_module:features",
        "architectures": own.estimator,
    }[reads]
    tau = scores({"expected": expected, **forms}, **few).groupby("predictor")["kendall_tau"].first()
    assert (tau == tau["expected"]).all()
    if reads == "default":
        model = make_pipeline(make_encoder("one-hot+live-paths+operation-counts+graph"), Ridge())
        assert scores(model, **few)["kendall_tau"].iloc[0] == tau["expected"]
    for form in forms.values():
        settings = {"predictor": form, "copies": 2}
        assert len(nm.search("predictor", "nb201/cifar10", evaluations=14, settings=settings)) == 14
    command = (
        f"predict --predictors contract_module:{SAME[reads][0]} --sizes 20 --draws 1 --target valid"
    )
    assert CliRunner().invoke(app, command.split()).exit_code == 0
    assert set(own.Reads.seen) == ({("i", 1)} if reads == "architectures" else set())


def test_lists_and_mappings_of_predictors(own: Any) -> None:
    forms = [own.estimator, [own.estimator, own.pipeline], {"a": own.features, "b": "ridge"}]
    labels = [
        [*dict.fromkeys(scores(form, sizes=[20], draws=1, **VALID)["predictor"])] for form in forms
    ]
    assert labels == [["Reads"], ["Reads", "Ridge"], ["a", "b"]]


def test_parameters_of_an_estimator_are_part_of_a_run(tmp_path: Path) -> None:
    def search(alpha: float) -> None:
        kind = PredictorSearch.of(Ridge(alpha))
        nm.search(kind, "nb201/cifar10", evaluations=3, journal=tmp_path / "run.jsonl")

    search(1.0)
    search(1.0)
    with pytest.raises(JournalError):
        search(2.0)


def test_source_order_is_the_prior_without_a_label() -> None:
    frame = scores("source-order", sizes=[10, 50], draws=2, **VALID)
    everywhere = frame[frame.scope == "all"]["kendall_tau"]
    sources = [nm.get_task(f"nb201/{name}").values for name in ("cifar100", "imagenet16-120")]
    mean = sum((values - values.mean()) / values.std() for values in sources)
    assert everywhere.nunique() == 1
    assert everywhere.iloc[0] == pytest.approx(
        kendalltau(mean, nm.get_task("nb201/cifar10").values).statistic, abs=1e-4
    )
    other = scores("source-order", sizes=[10], draws=1, sources="nb201/cifar100", **VALID)
    assert other["kendall_tau"].iloc[-1] != everywhere.iloc[0]
