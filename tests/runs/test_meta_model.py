"""Runs on a meta-model from a file: the same as on one that was learnt on the spot, and recorded."""

import json
from pathlib import Path

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import JournalError, LeakageError, SettingError, UnknownNameError
from nasmeta.meta import SavedMetaModel, meta_train
from nasmeta.meta._mean_score_search import SourceOrder
from nasmeta.runs import SearcherSpec, run_config
from nasmeta.searchers import Searcher

TASK = "nb201/cifar100"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, _ = nm.task_distribution("nb201").leave_out("cifar100")
    order = SourceOrder(nm.get_space("nb201"), np.random.default_rng(0)).meta_fit(source)
    return SavedMetaModel.write(tmp_path_factory.mktemp("models") / "order.npz", order)


def test_search_and_compare_take_a_file(path: Path, tmp_path: Path) -> None:
    own = nm.search("source-order", TASK, evaluations=20)
    run = nm.search(
        "source-order",
        TASK,
        evaluations=20,
        journal=tmp_path / "run.jsonl",
        sources=SavedMetaModel.load(path),
    )
    assert run.architectures.tolist() == own.architectures.tolist()
    assert run.sources == own.sources
    header = json.loads((tmp_path / "run.jsonl").read_text().splitlines()[0])
    assert header["meta_model"] == {
        "sha256": SavedMetaModel.load(path).sha256,
        "sources": list(run.sources),
    }
    again = nm.search(
        "source-order", TASK, evaluations=30, journal=tmp_path / "run.jsonl", sources=str(path)
    )
    assert again.architectures[:20].tolist() == run.architectures.tolist()
    with pytest.raises(JournalError):
        nm.search("source-order", TASK, evaluations=30, journal=tmp_path / "run.jsonl")
    frames = [
        nm.compare(["random", "source-order"], TASK, repeats=2, evaluations=20, sources=given)
        for given in (None, path, [str(path)], {"source-order": SavedMetaModel.load(path)})
    ]
    for frame in frames[1:]:
        assert_frame_equal(frames[0], frame)


def test_what_does_not_fit_is_refused(path: Path) -> None:
    model = SavedMetaModel.load(path)
    for call in (
        lambda: nm.search("random", TASK, sources=model),
        lambda: nm.compare(["random"], TASK, sources=model),
        lambda: nm.compare(["random"], TASK, sources={"meta-gp": model}),
    ):
        with pytest.raises((SettingError, UnknownNameError)):
            call()


def test_the_target_among_its_sources_is_refused(path: Path) -> None:
    with pytest.raises(LeakageError):
        nm.search("source-order", "nb201/cifar10", evaluations=3, sources=SavedMetaModel.load(path))


@pytest.mark.parametrize(("predictor", "searcher"), [("experts", "experts-ucb")])
def test_the_file_of_a_meta_predictor_serves_its_searchers(
    predictor: str, searcher: str, path: Path, tmp_path: Path
) -> None:
    saved = meta_train(predictor, leave_out="cifar100", n_labels=50, output=tmp_path / "learnt.npz")
    run = nm.search(searcher, TASK, evaluations=3, sources=saved)
    assert run.sources == saved.sources
    by_name = nm.search(
        "meta-predictor", TASK, evaluations=3, settings={"predictor": predictor}, sources=saved
    )
    # what the file says, before the first value
    assert by_name.architectures[0] == run.architectures[0]
    with pytest.raises(SettingError):
        nm.search(searcher, TASK, sources=SavedMetaModel.load(path))
    with pytest.raises(SettingError):
        nm.search(searcher, TASK, sources=saved, settings={"options": {"seed": 1}})
    with pytest.raises(LeakageError):
        nm.search(searcher, "nb201/cifar10", evaluations=1, sources=saved)


@pytest.mark.parametrize("searcher", ["meta", "meta-gp", "rgpe-vanilla"])
def test_one_object_learns_and_searches(searcher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    n_built = 0
    build = SearcherSpec.build

    def counted(spec: SearcherSpec, space: nm.SearchSpace, rng: np.random.Generator) -> Searcher:
        nonlocal n_built
        n_built += 1
        return build(spec, space, rng)

    monkeypatch.setattr(SearcherSpec, "build", counted)
    run = nm.search(searcher, TASK, evaluations=8)
    assert n_built == 1
    separate = run_config(run.config, learnt=run.config.learn())
    assert separate.architectures.tolist() == run.architectures.tolist()
