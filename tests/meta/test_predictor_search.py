"""Meta-predictors as searchers: the contract, the acquisitions, names, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nasmeta.errors import SettingError
from nasmeta.meta import SavedMetaModel
from nasmeta.meta._predictor_search import MetaPredictorSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask
from nasmeta.testing import made_up_values

SMALL = SearchSpace("small", {f"layer{i}": [8, 16, 24, 32] for i in range(4)})
ACQUISITIONS = ("greedy", "thompson")


def sources() -> list[SourceTask]:
    architectures = SMALL.sample(120, np.random.default_rng(0))
    pairs = ((0.1, architectures[:60]), (0.3, architectures[60:]))
    return [
        SourceTask(f"m/{s}", f"d{s}", SMALL, own, made_up_values(SMALL, s)[own]) for s, own in pairs
    ]


@pytest.mark.parametrize(
    ("predictor", "acquisition"),
    [*(("experts", acquisition) for acquisition in ACQUISITIONS), ("maml", "greedy")],
)
@pytest.mark.slow
def test_it_begins_at_what_sources_promise_and_finds_the_best(
    predictor: str, acquisition: str
) -> None:
    options = {} if predictor == "experts" else {"steps": 2}
    searcher = MetaPredictorSearch(
        SMALL,
        np.random.default_rng(0),
        predictor=predictor,
        acquisition=acquisition,
        options=options,
    )
    searcher.meta_fit(sources())
    values, found = made_up_values(SMALL), []
    for _ in range(25):
        architecture = searcher.ask()
        searcher.tell(architecture, values[architecture])
        found.append(values[architecture][0])
    assert max(found) == values.max()
    if acquisition == "greedy":
        assert found[0] > np.quantile(values, 0.9)


def test_every_second_one_of_the_first_five_is_random_or_known_before() -> None:
    values, by = made_up_values(SMALL), []
    searcher = MetaPredictorSearch(SMALL, np.random.default_rng(0), predictor="experts").meta_fit(
        sources()
    )
    known = np.array([3, 200], np.int32)
    searcher.tell(known, values[known])
    for n in (1, 3):
        architectures = searcher.ask(n)
        assert not np.isin(architectures, known).any()
        by += [note["by"] for note in searcher.notes]
        searcher.tell(architectures, values[architectures])
    assert by == ["sources", "random", "sources", "sources"]


@pytest.mark.slow
def test_the_observations_outweigh_reversed_sources() -> None:
    values = made_up_values(SMALL)
    misleading = [replace(source, utilities=-source.utilities) for source in sources()]

    def best(predictor: str) -> float:
        searcher = MetaPredictorSearch(SMALL, np.random.default_rng(0), predictor=predictor)
        searcher.meta_fit(misleading)
        found = []
        for _ in range(25):
            architecture = searcher.ask()
            searcher.tell(architecture, values[architecture])
            found.append(values[architecture][0])
        return float((values > max(found)).mean())

    assert best("experts") < 0.02


def test_its_file_brings_it_back(tmp_path: Path) -> None:
    first = MetaPredictorSearch(SMALL, np.random.default_rng(0), predictor="experts").meta_fit(
        sources()
    )
    saved = SavedMetaModel.load(SavedMetaModel.write(tmp_path / "model.npz", first))
    assert saved.kind == "meta-predictor"
    np.testing.assert_array_equal(saved.searcher(np.random.default_rng(0)).ask(5), first.ask(5))
    with pytest.raises(SettingError):
        saved.restore(MetaPredictorSearch(SMALL, np.random.default_rng(0), predictor="maml"))
