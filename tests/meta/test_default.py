"""The meta-searcher by default: what it picks, and that it is what it picked."""

from pathlib import Path

import numpy as np
import pytest

from nasmeta.meta import DefaultMetaSearch, choose_meta_searcher, load_meta_model, save_meta_model
from nasmeta.searchers import SEARCHERS
from nasmeta.spaces import get_space
from nasmeta.tasks import SourceTask
from nasmeta.testing import made_up_values

SPACE = get_space("tnb101")
EVERY = np.arange(SPACE.n_cells, dtype=np.int32)


def source(name: str, values: np.ndarray, cells: np.ndarray = EVERY) -> SourceTask:
    return SourceTask(name, name, SPACE, cells, values[cells])


def test_the_choice_looks_at_knowledge_and_agreement() -> None:
    values = made_up_values(SPACE)
    like, unlike = source("like", values + 0.01 * EVERY / len(EVERY)), source("unlike", made_up_values(SPACE, 2.0))
    known, some = source("known", values), source("some", values, SPACE.sample(1000, np.random.default_rng(0)))
    few = source("few", values, SPACE.sample(399, np.random.default_rng(0)))
    assert choose_meta_searcher(SPACE, [known, like]) == "meta-gp"
    assert choose_meta_searcher(SPACE, [known, unlike]) == "multi-task-gp"
    assert choose_meta_searcher(SPACE, [known, some]) == "multi-task-gp"
    assert choose_meta_searcher(SPACE, [known, few]) == "rgpe"
    assert choose_meta_searcher(SPACE, [few, few]) == "rgpe"
    assert choose_meta_searcher(SPACE, [known]) == "multi-task-gp"
    assert choose_meta_searcher(SPACE, [known, source("constant", np.ones(SPACE.n_cells))]) == "multi-task-gp"
    assert choose_meta_searcher(get_space("nb201"), [known, like]) == "rgpe"


def test_the_order_of_a_source_s_cells_does_not_matter() -> None:
    values, shuffled = made_up_values(SPACE), np.random.default_rng(0).permutation(EVERY)
    assert choose_meta_searcher(SPACE, [source("a", values), source("b", values, shuffled)]) == "meta-gp"


@pytest.mark.parametrize("labels", [None, 60])
def test_it_proposes_what_the_chosen_one_does(labels: int | None, tmp_path: Path) -> None:
    values, rng = made_up_values(SPACE), np.random.default_rng(0)
    cells = EVERY if labels is None else SPACE.sample(labels, rng)
    sources = [source("a", values + 0.01, cells), source("b", values + 0.001 * EVERY / len(EVERY), cells)]
    searcher = DefaultMetaSearch(SPACE, np.random.default_rng(0)).meta_fit(sources)
    assert searcher.meta_model_.name == ("meta-gp" if labels is None else "rgpe")
    chosen = SEARCHERS[searcher.meta_model_.name](SPACE, np.random.default_rng(0))
    chosen.meta_model_ = searcher.meta_model_.meta_model
    read = load_meta_model(save_meta_model(tmp_path / "model.npz", searcher)).searcher(np.random.default_rng(0))
    for _ in range(7):
        proposed = searcher.ask()
        assert proposed == chosen.ask() == read.ask()
        for one in (searcher, chosen, read):
            one.tell(proposed, values[proposed])


def test_it_keeps_to_a_part_of_the_space() -> None:
    searcher = DefaultMetaSearch(SPACE, np.random.default_rng(0))
    searcher.meta_fit([source("a", made_up_values(SPACE), SPACE.sample(40, np.random.default_rng(0)))])
    assert searcher.restrict(EVERY[:30])
    assert searcher.ask(9).max() < 30


def test_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasmeta.meta._source_models._CONDITION_ON", 100)
    from typer.testing import CliRunner

    from nasmeta.cli._app import app

    def answer(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["search", *words])
        return result.exit_code, f"{result.output}{result.exception or ''}"

    code, text = answer("nb201/cifar10")
    assert code != 0
    assert "--meta" in text
    code, text = answer("--meta", "gp", "nb201/cifar10")
    assert code != 0
    assert "leave out" in text
    code, text = answer("--meta", "nb201/cifar100", "--evaluations", "4", "--sources", "nb201/cifar10")
    assert code == 0, text
    assert "meta, seed 0" in text
