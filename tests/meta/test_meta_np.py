"""The searcher on the neural process, and meta-training into a file."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import LeakageWarning
from nasmeta.meta import SavedMetaModel, meta_train
from nasmeta.meta.neural_process import MetaNPSearch
from nasmeta.spaces import CellSpace
from nasmeta.testing import SearcherContract

pytest.importorskip("torch")


class TestMetaNP(SearcherContract):
    @pytest.fixture(params=["tnb101"])  # the small space: what the network reads of a cell is the same on both
    def space(self, request: pytest.FixtureRequest) -> CellSpace:
        return nm.get_space(request.param)

    def make(self, space: CellSpace, rng: np.random.Generator) -> MetaNPSearch:
        return MetaNPSearch(space, rng, steps=3, width=16)

    def test_runs_on_a_real_task(self) -> None:
        pytest.skip("Its default meta-training is long; the tests below search a real task with a short one.")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("np") / "np.npz"
    meta_train("meta-np", leave_out="cifar100", n_labels=200, out=out, settings={"steps": 12, "width": 16})
    return out


def test_one_file_serves_predictor_and_searcher(path: Path) -> None:
    saved = SavedMetaModel.load(path)
    assert saved.held_out == ("cifar10", "imagenet16-120")
    predicted = saved.predictor().fit([3, 4, 5], [1.0, 2.0, 3.0]).predict([6111, 0])
    assert predicted.shape == (2,)
    runs = [nm.search("meta-np", "nb201/cifar100", evaluations=6, sources=SavedMetaModel.load(path)) for _ in range(2)]
    assert runs[0].cells.tolist() == runs[1].cells.tolist()
    assert runs[0].settings["width"] == 16
    with pytest.warns(LeakageWarning):
        nm.search("meta-np", "nb201/cifar10", evaluations=2, sources=SavedMetaModel.load(path))
    header, *rows = path.with_suffix(".losses.csv").read_text().splitlines()
    assert header == "step,loss,validation_loss"
    assert rows[-1].startswith("12,")
    assert not path.with_suffix(".checkpoint").exists()


def test_the_short_list_holds_what_all_cells_would_propose() -> None:
    task = nm.get_task("nb201/cifar100")
    saved = SavedMetaModel.load(SavedMetaModel.shipped()["meta-np-nb201-without-cifar100"])
    model = saved.searcher(np.random.default_rng(0)).meta_model_
    values = np.random.default_rng(3).permutation(task.values)  # the order of the sources is of no use
    proposed = []
    for forget in (False, True):
        search = MetaNPSearch(task.space, np.random.default_rng(1), falls_back=False)
        search.meta_model_ = model
        found: list[int] = []
        for _ in range(50):
            if forget:
                search._listed = search._listed[:0]  # so that all cells are asked
            cells = search.ask()
            search.tell(cells, values[cells])
            found += cells.tolist()
        proposed.append(found)
    assert proposed[0] == proposed[1]


def test_the_command_trains_and_refuses(tmp_path: Path) -> None:
    arguments = ["--leave-out", "cifar100", "--labels", "100", "--out", str(tmp_path / "m.npz")]
    result = CliRunner().invoke(app, ["meta-train", "meta-linear", *arguments])
    assert result.exit_code == 0, result.output
    assert "nb201/cifar10, nb201/imagenet16-120 (200 labels)" in result.stdout
    assert "no honest test on cifar10, imagenet16-120" in result.stdout
    assert SavedMetaModel.load(tmp_path / "m.npz").kind == "meta-linear"
    for wrong in (["random"], ["meta-linear", "--set", "depth=3"], ["meta-linear", "--sources", "nb201/cifar100"]):
        assert CliRunner().invoke(app, ["meta-train", *wrong, *arguments]).exit_code == 2


def test_the_shipped_models_are_small_and_honest() -> None:
    files = SavedMetaModel.shipped()
    assert sum(path.stat().st_size for path in files.values()) <= 5_000_000
    for task in nm.task_distribution("nb201"):
        run = nm.search("meta-np", task, evaluations=25, stop_at_optimum=True, sources="shipped")
        assert task.name not in run.sources
        assert run.stopped == "optimum", "the report says after how many"
    with pytest.warns(LeakageWarning):
        nm.search(
            "meta-np", "nb201/cifar100", evaluations=1, sources=SavedMetaModel.load("meta-np-nb201-without-cifar10")
        )
