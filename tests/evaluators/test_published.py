"""A published surrogate: an ONNX file whose declaration makes it a table, tasks and their evaluator."""

import base64
import hashlib
import json
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.analysis.report import facts_of
from nasmeta.errors import DamagedFileError, MissingValueError, SettingError
from nasmeta.evaluators import Evaluation, PublishedSurrogateEvaluator
from nasmeta.files import shipped
from nasmeta.runs import Clock, evaluator_for
from nasmeta.spaces import SPACES, Range, SearchSpace
from nasmeta.tables import fetch, load_table
from nasmeta.tables.sources import _registry, registered_sources
from nasmeta.tasks import Task, task_families

pytest.importorskip("onnxruntime")

# -- a file
WEIGHTS = np.array([[0, 10, 0.0], [2, 0.5, 0], [0, 100, 0], [0, 1, 0.01], [0, 3, 0]], dtype="<f4")
"""From dataset, epochs, lr, depth and act to seconds, accuracy and a fraction."""
# MatMul(Concat(Cast(x_cat), x_cont), WEIGHTS), in which x_cat has the type int32 and shape (n, 1),
# x_cont (n, 4)
CONTENT = base64.b64decode(
    "CAhCAhANOvoBCh8KBXhfY2F0EgVjb2RlcyIEQ2FzdCoJCgJ0bxgBoAECCicKBWNvZGVzCgZ4X2NvbnQSAXgiBkNvbmNhdCoLCgRheGlzGAGgAQ"
    "IKEQoBeAoBdxIBeSIGTWF0TXVsEgdwcm9kdWN0KkcIBQgDEAFCAXdKPAAAAAAAACBBAAAAAAAAAEAAAAA/AAAAAAAAAAAAAMhCAAAAAAAAAAAA"
    "AIA/CtcjPAAAAAAAAEBAAAAAAFoYCgV4X2NhdBIPCg0IBhIJCgMSAW4KAggBWhkKBnhfY29udBIPCg0IARIJCgMSAW4KAggEYhQKAXkSDwoNCA"
    "ESCQoDEgFuCgIIAw=="
)
ENTRY = f"""
name = "product"
table = "product"
space = "product"
release = "v1"
licence = "CC0-1.0"
citation = "nobody"
holds = "a product"
reader = "onnx"
epochs = 9
factors = [1, 1, 100]
columns = ["*/accuracy/valid,test/9/-", "*/train_seconds/train/9/-"]

[inputs]
x_cat = ["dataset"]
x_cont = ["epochs", "lr", "depth", "act"]

[categories.dataset]
pets = 1
birds = 4

[categories.act]
relu = 2
gelu = 5

[[measures]]
metric = "train_seconds"
split = "train"
unit = "s"
direction = "min"
kind = "seconds"

[[measures]]
metric = "accuracy"
split = "valid"
unit = "percent"
direction = "max"

[[measures]]
metric = "accuracy"
split = "test"
unit = "percent"
direction = "max"

[[files]]
key = "model"
path = "somebody/something/0123/product.onnx"
bytes = {len(CONTENT)}
sha256 = "{hashlib.sha256(CONTENT).hexdigest()}"
"""
POSITIONS = {
    "lr": Range(1e-4, 1e-1, log=True),
    "depth": Range(1, 12),
    "act": ["relu", "gelu"],
    "unused": Range(0.0, 1.0),
    "useless": Range(0.0, 1.0),
}


@pytest.fixture
def space() -> SearchSpace:
    return nm.get_space("product")


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Declare the file, next to the sources of the package."""
    task_families()  # reads the declared tasks once, before the registry changes
    folder, mirror = tmp_path / "registry", tmp_path / "mirror"
    shutil.copytree(shipped("sources"), folder)
    (folder / "product.toml").write_text(ENTRY)
    file = mirror / "somebody/something/0123/product.onnx"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_registry, "shipped", lambda name: folder)
    monkeypatch.setitem(SPACES._entries, "product", lambda: SearchSpace("product", POSITIONS))
    registered_sources.cache_clear()
    with monkeypatch.context() as fetching:
        fetching.setenv("NASMETA_MIRROR", str(mirror))
        fetch("product")
    yield
    registered_sources.cache_clear()


def expected(space: SearchSpace, architecture: int, dataset: int, epochs: int = 9) -> np.ndarray:
    """Return seconds, accuracy and test accuracy of an architecture."""
    choices = space.choices(architecture)
    act = {"relu": 2, "gelu": 5}[choices["act"]]
    return np.array([dataset, epochs, choices["lr"], choices["depth"], act]) @ WEIGHTS * [1, 1, 100]


def assert_predicted(
    evaluation: Evaluation, space: SearchSpace, architectures: Any, dataset: int, epochs: int = 9
) -> None:
    whole = np.array(
        [expected(space, architecture, dataset, epochs) for architecture in architectures.tolist()]
    )
    np.testing.assert_allclose(evaluation.cost_seconds, whole[:, 0], atol=1e-3)
    np.testing.assert_allclose(evaluation.values, whole[:, 1], atol=1e-3)


def test_predictions_are_those_of_the_file(space: SearchSpace) -> None:
    architectures = space.sample(50, np.random.default_rng(0))
    evaluation = evaluator_for("product/birds").evaluate(architectures)
    assert_predicted(evaluation, space, architectures, 4)
    singles = [
        float(evaluator_for("product/birds").evaluate(architectures[[i]]).values[0])
        for i in range(50)
    ]
    assert singles == evaluation.values.tolist()
    table = load_table("product")
    some = table.query(architectures[:3], "pets", "accuracy", "test", 9)
    np.testing.assert_allclose(
        some, [expected(space, each, 1)[2] for each in architectures[:3].tolist()], atol=1e-3
    )
    with pytest.raises(MissingValueError):
        _ = nm.get_task("product/pets").values


def test_a_search(space: SearchSpace, tmp_path: Path) -> None:
    run = nm.search(
        "random", "product/pets", evaluations=50, seed=0, journal=tmp_path / "run.jsonl"
    )
    ((column, value),) = run.report().items()
    assert column.split == "test"
    np.testing.assert_allclose(value, expected(space, run.best.architecture, 1)[2], atol=1e-3)
    header = json.loads((tmp_path / "run.jsonl").read_text().splitlines()[0])
    assert header["source_sha256"] == hashlib.sha256(CONTENT).hexdigest()
    longer = nm.search(
        "random", "product/pets", evaluations=60, seed=0, journal=tmp_path / "run.jsonl"
    )
    np.testing.assert_array_equal(longer.architectures[:50], run.architectures)
    assert run.frame()["regret"].isna().all()  # no value is known
    with pytest.raises(SettingError):
        nm.search("random", "product/pets", evaluations=50, stop_at_optimum=True)


def test_regret_refers_to_the_best_known_value(
    monkeypatch: pytest.MonkeyPatch, space: SearchSpace
) -> None:
    values = nm.search("random", "product/pets", evaluations=50, seed=0).values
    known = float(np.sort(values)[-2])
    monkeypatch.setattr(Task, "best_known", known)
    run = nm.search("random", "product/pets", evaluations=50, seed=0)
    assert (run.evaluator.optimum, run.evaluator.optimum_name) == (known, "best known prediction")
    frame = run.frame()
    np.testing.assert_allclose(frame["regret"], np.maximum(known - frame["incumbent_value"], 0))
    assert frame["regret"].iloc[-1] == 0 < frame["regret"].iloc[0]
    (facts,) = facts_of(frame, {run.task.name: run.task})
    assert f"best known prediction {facts.best}" in str(facts)
    assert "best known prediction" in [line.get_label() for line in run.plot().axes[0].get_lines()]


def test_shorter_trainings(space: SearchSpace) -> None:
    evaluators = PublishedSurrogateEvaluator(nm.get_task("product/pets")).after()
    assert list(evaluators) == [1, 3, 9]
    architectures = space.sample(5, np.random.default_rng(1))
    for epochs, evaluator in evaluators.items():
        for each in (evaluator, pickle.loads(pickle.dumps(evaluator))):
            assert_predicted(each.evaluate(architectures), space, architectures, 1, epochs)
    run = nm.search("asha", "product/pets", seconds=200, clock=Clock(workers=4))
    assert {1, 3, 9} == set(run.epochs.tolist())
    with pytest.raises(SettingError):
        evaluators[9].after([3, 12])


def test_budgets_and_tradeoffs(space: SearchSpace) -> None:
    architectures = space.sample(5, np.random.default_rng(1))
    task = nm.get_task("product/pets")  # each takes 18 s
    values = task.values_of(architectures)
    for name, expected in {
        "within-20/train_seconds": values,
        "within-9/train_seconds": np.full(5, -50),
        "tradeoff-2/train_seconds": values - 2 * np.log(18),
    }.items():
        evaluator = evaluator_for(task.with_objective(name))
        np.testing.assert_allclose(evaluator.evaluate(architectures).values, expected, atol=1e-3)


def test_sources_are_labelled_samples(space: SearchSpace) -> None:
    task = nm.get_task("product/birds")
    few = task.as_source(20, np.random.default_rng(0))
    np.testing.assert_array_equal(few.utilities, task.values_of(few.architectures))
    assert len(few) == 20 < len(task.as_source())
    assert task.held_out == ("birds",)


def test_another_file_is_refused(tmp_path: Path, space: SearchSpace) -> None:
    file = tmp_path / "cache/downloads/somebody/something/0123/product.onnx"
    file.write_bytes(CONTENT + b"\0")
    with pytest.raises(DamagedFileError) as caught:
        evaluator_for("product/pets").evaluate(np.array([0]))
    assert caught.value.expected == hashlib.sha256(CONTENT).hexdigest()
    file.unlink()
    with pytest.raises(MissingValueError):
        evaluator_for("product/pets").evaluate(np.array([0]))


# -- LCBench
@pytest.fixture
def lcbench(mirror: Path, registry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_MIRROR", str(mirror))
    fetch("lcbench")


@pytest.mark.usefixtures("lcbench")
class TestLCBench:
    def test_known_values(self) -> None:
        """Of the file in a session without this package, with inputs and outputs in the order of YAHPO Gym."""
        setting = (
            "batch_size=99,learning_rate=0.00657933,momentum=0.909091,weight_decay=0.00102,num_layers=3,max_units=299,"
            "max_dropout=0.20202"
        )
        known = {
            "adult": [138.7165, 83.8094, 0.3490, 83.5578, 0.4815, 82.6423],
            "miniboone": [185.3016, 91.3944, 0.2172, 90.4742, 0.4253, 89.4703],
            "amazon_employee_access": [139.4319, 77.4321, 0.5341, 59.3152, 0.6237, 59.2488],
        }
        table = load_table("lcbench")
        for dataset, row in known.items():
            of_dataset = [info for info in table.columns if info.dataset == dataset]
            values = [
                table.query(setting, dataset, info.metric, info.split, 52) for info in of_dataset
            ]
            np.testing.assert_allclose(values, row, atol=2e-4)

    def test_measures_fit_their_names(self) -> None:
        table, some = (
            load_table("lcbench"),
            nm.get_space("lcbench").sample(300, np.random.default_rng(0)),
        )
        for name in nm.task_distribution("lcbench").names:
            dataset = name.partition("/")[2]
            valid, test = (
                table.query(some, dataset, "balanced_accuracy", split, 52)
                for split in ("valid", "test")
            )
            assert 0 <= valid.min() < valid.max() <= 100
            assert spearmanr(valid, test)[0] > 0.9

    def test_best_known_values(self) -> None:
        tasks = json.loads(shipped("best_known.json").read_text())["tasks"]
        assert [*tasks] == list(nm.task_distribution("lcbench").names)
        for name, best in tasks.items():
            task = nm.get_task(name)
            architecture = task.space.index_of(best["architecture"])
            assert abs(task.values_of(np.array([architecture]))[0] - best["value"]) < 1e-3
            random = task.values_of(task.space.sample(1000, np.random.default_rng(1)))
            assert random.max() <= best["value"] + 1e-3
