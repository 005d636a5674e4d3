"""The meta-searcher by default: what it picks, and that it is what it picked."""

import json
from pathlib import Path

import numpy as np
import pytest

import nasmeta as nm
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
    assert choose_meta_searcher(SPACE, [known, like]).searcher == "meta-gp"
    assert choose_meta_searcher(SPACE, [known, unlike]).searcher == "multi-task-gp"
    assert choose_meta_searcher(SPACE, [known, some]).searcher == "multi-task-gp"
    assert choose_meta_searcher(SPACE, [known, few]).searcher == "multi-task-gp"
    assert choose_meta_searcher(SPACE, [few, few]).searcher == "multi-task-gp"
    assert choose_meta_searcher(SPACE, [known]).searcher == "multi-task-gp"
    assert choose_meta_searcher(SPACE, [known, source("constant", np.ones(SPACE.n_cells))]).searcher == "multi-task-gp"
    assert choose_meta_searcher(get_space("nb201"), [known, like]).searcher == "rgpe"


def test_the_order_of_a_source_s_cells_does_not_matter() -> None:
    values, shuffled = made_up_values(SPACE), np.random.default_rng(0).permutation(EVERY)
    assert choose_meta_searcher(SPACE, [source("a", values), source("b", values, shuffled)]).searcher == "meta-gp"


@pytest.mark.parametrize("labels", [None, 60])
def test_it_proposes_what_the_chosen_one_does(labels: int | None, tmp_path: Path) -> None:
    values, rng = made_up_values(SPACE), np.random.default_rng(0)
    cells = EVERY if labels is None else SPACE.sample(labels, rng)
    sources = [source("a", values + 0.01, cells), source("b", values + 0.001 * EVERY / len(EVERY), cells)]
    searcher = DefaultMetaSearch(SPACE, np.random.default_rng(0)).meta_fit(sources)
    assert searcher.meta_model_.pick.searcher == ("meta-gp" if labels is None else "multi-task-gp")
    chosen = SEARCHERS[searcher.meta_model_.pick.searcher](SPACE, np.random.default_rng(0))
    chosen.meta_model_ = searcher.meta_model_.meta_model
    read = load_meta_model(save_meta_model(tmp_path / "model.npz", searcher)).searcher(np.random.default_rng(0))
    assert read.meta_model_.pick == searcher.meta_model_.pick
    for _ in range(7):
        proposed = searcher.ask()
        assert proposed == chosen.ask() == read.ask()
        for one in (searcher, chosen, read):
            one.tell(proposed, values[proposed])


def test_reasons_name_what_was_seen() -> None:
    values = made_up_values(SPACE)
    known, like = source("known", values), source("like", values + 0.01 * EVERY / len(EVERY))
    unlike = source("unlike", made_up_values(SPACE, 2.0))
    assert choose_meta_searcher(SPACE, [known, like]).reason == "the sources agree (mean Spearman 1.00)"
    assert choose_meta_searcher(SPACE, [known, unlike]).reason.startswith("the sources disagree (mean Spearman -0.")
    assert choose_meta_searcher(get_space("nb201"), [known]).reason == "a source is of another cell space (tnb101)"


def test_run_and_journal_say_what_was_picked(tmp_path: Path) -> None:
    asked = {"evaluations": 4, "sources": nm.task_distribution("nb201")[:1].as_sources(60, np.random.default_rng(0))}
    path = tmp_path / "run.jsonl"
    run = nm.search("meta", "nb201/cifar100", journal=path, **asked)
    assert (
        run.picked
        == json.loads(path.read_text().splitlines()[0])["picked"]
        == "multi-task-gp: one source shows no agreement"
    )
    assert nm.search("meta", "nb201/cifar100", journal=path, **asked).picked == run.picked
    assert nm.search("meta", "nb201/cifar100", journal=path, **asked | {"evaluations": 6}).picked == run.picked
    assert nm.search("rgpe", "nb201/cifar100", **asked).picked == ""


def test_a_journal_from_before_picks_were_written_goes_on(tmp_path: Path) -> None:
    asked = {"evaluations": 4, "sources": nm.task_distribution("nb201")[:1].as_sources(60, np.random.default_rng(0))}
    path = tmp_path / "run.jsonl"
    before = nm.search("meta", "nb201/cifar100", journal=path, **asked)
    header, *lines = path.read_text().splitlines(keepends=True)
    old = {key: value for key, value in json.loads(header).items() if key != "picked"}
    path.write_text("".join([json.dumps(old) + "\n", *lines[:2]]))
    assert nm.search("meta", "nb201/cifar100", journal=path, **asked).cells.tolist() == before.cells.tolist()


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
    assert "meta picked     multi-task-gp: one source shows no agreement" in text
