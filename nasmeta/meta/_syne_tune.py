"""Syne Tune's quantile-based transfer as a meta-searcher."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from nasmeta.searchers import MetaSearcher
from nasmeta.searchers.peers import (
    OwnGenerators,
    PeerSearch,
    load_peer,
    syne_tune_space,
)
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_TRANSFER = "syne_tune.optimizer.schedulers.transfer_learning"


class SyneTuneQuantileCopula(PeerSearch, MetaSearcher):
    """Syne Tune's quantile-based transfer: Thompson sampling from a model of all sources (Salinas et al., ICML 2020).

    `QuantileBasedSurrogateSearcher` fits an XGBoost model to the normal scores of all sources'
    labels and samples it at 100,000 random configurations. It ignores the target's values. Needs
    the extra ``syne-tune``.
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        self._domains = syne_tune_space(space, self._who)
        self._run: Any = None

    def _load(self, module: str) -> Any:
        """Import a module of Syne Tune's transfer schedulers."""
        return load_peer(f"{_TRANSFER}.{module}", self._who, "syne-tune")

    def _learn(self, sources: list[SourceTask]) -> Any:
        """Pass the labels of the sources to the searcher as evaluations with one seed and one fidelity."""
        import pandas as pd

        kind = self._load("transfer_learning_task_evaluation").TransferLearningTaskEvaluations
        evaluations = {}
        for source in sources:
            codes = self.space.codes_of(source.architectures).astype(int)
            frame = pd.DataFrame(
                {str(i): np.array(self._numbers[i])[codes[:, i]] for i in self._varied}
            )
            errors = -source.utilities[:, None, None, None]
            evaluations[source.name] = kind(self._domains, frame, ["error"], errors)
        if not self._varied:
            return {}
        module = self._load("quantile_based.quantile_based_searcher")
        with OwnGenerators(self._peer_seed).used():
            return module.QuantileBasedSurrogateSearcher(
                self._domains, evaluations, random_seed=self._peer_seed
            )

    def _suggest(self) -> tuple[Any, list[int]] | None:
        if self._run is None:
            self._run = copy(self._require_meta_model())
            self._run.random_state = np.random.RandomState(self._peer_seed)
        chosen = self._run.suggest()
        return None if chosen is None else (chosen, self._codes_of(chosen))

    def _tell_peer(self, proposal: Any, architecture: int, value: float) -> None:
        """Do nothing: the proposals depend on the sources alone."""
