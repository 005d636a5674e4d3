"""Syne Tune's transfer schedulers as meta-searchers."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from nasmeta.checks import check_int
from nasmeta.errors import SettingError
from nasmeta.searchers import MetaSearcher
from nasmeta.searchers.peers import (
    OwnGenerators,
    PeerSearch,
    load_peer,
    syne_tune_space,
)
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_SCHEDULERS = "syne_tune.optimizer.schedulers"
METRIC = "error"


class SyneTuneTransfer(PeerSearch, MetaSearcher):
    """Base of Syne Tune's transfer schedulers; the sources' labels are evaluations of other tasks."""

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        self._domains = syne_tune_space(space, self._who)
        self._run: Any = None

    def _load(self, module: str) -> Any:
        """Import a module of Syne Tune's schedulers."""
        return load_peer(f"{_SCHEDULERS}.{module}", self._who, "syne-tune")

    def _learn(self, sources: list[SourceTask]) -> Any:
        """Pass the labels of the sources to the scheduler as evaluations with one seed and one fidelity."""
        import pandas as pd

        kind = self._load("transfer_learning.transfer_learning_task_evaluation").TransferLearningTaskEvaluations
        evaluations = {}
        for source in sources:
            codes = self.space.codes_of(source.architectures).astype(int)
            frame = pd.DataFrame({str(i): np.array(self._numbers[i])[codes[:, i]] for i in self._varied})
            errors = -source.utilities[:, None, None, None]
            evaluations[source.name] = kind(self._domains, frame, [METRIC], errors)
        with OwnGenerators(self._peer_seed).used():
            return self._learn_evaluations(evaluations) if self._varied else {}

    @abstractmethod
    def _learn_evaluations(self, evaluations: dict[str, Any]) -> Any:
        """Return the meta-model of the scheduler, given evaluations by task; lower is better."""

    @abstractmethod
    def _begin(self, learned: Any) -> Any:
        """Return the scheduler or searcher of one run."""

    def _configuration(self) -> Any:
        """Return the next suggestion, or None."""
        return self._run.suggest()

    def _suggest(self) -> tuple[Any, list[int]] | None:
        learned = self._require_meta_model()
        if self._run is None:
            self._run = self._begin(learned)
        chosen = self._configuration()
        return None if chosen is None else (chosen, self._codes_of(chosen))

    def _tell_peer(self, proposal: Any, architecture: int, value: float) -> None:
        """Do nothing: the proposals depend on the sources alone."""


class SyneTuneZeroShot(SyneTuneTransfer):
    """Syne Tune's zero-shot transfer: greedily the best mean rank on the sources (Wistuba et al., ICDM 2015).

    `ZeroShotTransfer` on the architectures that all sources have labelled. Proposals come from `get_config`, because
    `suggest` is random search in release 0.16. Needs the extra ``syne-tune``.

    Raises
    ------
    SettingError
        If no architecture has a label in every source.
    """

    def _learn(self, sources: list[SourceTask]) -> Any:
        architectures = reduce(np.intersect1d, [source.architectures for source in sources])
        if not len(architectures):
            raise SettingError(f"{self._who} needs architectures that all {len(sources)} sources have labelled.")
        return super()._learn(
            [replace(s, architectures=architectures, utilities=s.utilities[s.rows_of(architectures)]) for s in sources]
        )

    def _learn_evaluations(self, evaluations: dict[str, Any]) -> Any:
        return evaluations

    def _begin(self, learned: Any) -> Any:
        return self._load("transfer_learning.zero_shot").ZeroShotTransfer(
            self._domains, METRIC, learned, random_seed=self._peer_seed
        )

    def _configuration(self) -> Any:
        return self._run.get_config()


class SyneTuneQuantileCopula(SyneTuneTransfer):
    """Syne Tune's quantile-based transfer: Thompson sampling from a model of all sources (Salinas et al., ICML 2020).

    `QuantileBasedSurrogateSearcher` fits an XGBoost model to the normal scores of all sources' labels and samples it at
    100,000 random configurations. It ignores the target's values. Needs the extra ``syne-tune``.
    """

    def _learn_evaluations(self, evaluations: dict[str, Any]) -> Any:
        module = self._load("transfer_learning.quantile_based.quantile_based_searcher")
        return module.QuantileBasedSurrogateSearcher(self._domains, evaluations, random_seed=self._peer_seed)

    def _begin(self, learned: Any) -> Any:
        run = copy(learned)
        run.random_state = np.random.RandomState(self._peer_seed)
        return run


class SyneTuneBoundingBox(SyneTuneTransfer):
    """Syne Tune's bounding box: search among choices of the sources' best architectures (Perrone et al., NeurIPS 2019).

    `BoundingBox` keeps the choices per position that occur among the best architectures of the sources. Syne Tune's
    random search proposes within the box, as in its example. When the box is exhausted, the search continues with its
    nearest neighbours. Needs the extra ``syne-tune``.

    Parameters
    ----------
    per_source : int, default 10
        Number of each source's best architectures. Syne Tune's default, one, gives a tiny box for few sources.
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator, *, per_source: int = 10) -> None:
        super().__init__(space, rng)
        self.per_source = check_int("per_source", per_source, 1, 1_000_000)

    def _learn_evaluations(self, evaluations: dict[str, Any]) -> Any:
        boxes: list[dict[str, Any]] = []
        self._load("transfer_learning.bounding_box").BoundingBox(
            lambda box, *_: boxes.append(box),
            self._domains,
            METRIC,
            evaluations,
            num_hyperparameters_per_task=self.per_source,
            random_seed=self._peer_seed,
        )
        return {
            name: [int(code) for code in domain.categories] if hasattr(domain, "categories") else domain
            for name, domain in boxes[0].items()
        }

    def _begin(self, learned: Any) -> Any:
        domains, box = load_peer("syne_tune.config_space", self._who, "syne-tune"), dict(learned)
        for name, choices in learned.items():
            if isinstance(choices, list):
                box[name] = domains.choice(list(choices)) if len(choices) > 1 else choices[0]
        return self._load("searchers.random_searcher").RandomSearcher(box, random_seed=self._peer_seed)

    def _configuration(self) -> Any:
        chosen = self._run.suggest()
        return None if chosen is None else dict(chosen)
