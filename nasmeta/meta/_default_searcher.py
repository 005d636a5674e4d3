"""The default meta-searcher: `gp` and a searcher with sources take turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any, ClassVar

import numpy as np

from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Packed
from nasmeta.meta._meta_gp import MetaGP, MetaGPSearch
from nasmeta.meta._multi_task_gp import MultiTaskGPSearch, MultiTaskSettings
from nasmeta.searchers import CandidateSearch, GPSearch, MetaSearcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task


@dataclass(frozen=True)
class TurnSettings:
    """Settings of `meta`; ``reports/transfer`` has results with them and the tasks of the choice."""

    last: int = 8  # proposals of each searcher that decide
    least: float = 1 / 8  # share of turns of either searcher
    ties: float = 4.0  # pairs of proposals, half of them won, that are counted before the first
    complete: float = 0.5  # for `meta-gp`: least share of the space that all sources label
    apart: float = 0.3  # and greatest variance of a task around their mean


TURNS = TurnSettings()


class SourcedSearch(MultiTaskGPSearch):
    """The searcher with sources: a `MultiTaskGPSearch` whose weights may be large and negative."""

    prior_of_weights = MultiTaskSettings(variance=0.5)


class DefaultMetaSearch(MetaSearcher):
    """The default meta-searcher: `gp` without sources and `multi-task-gp` take turns and share all observations.

    The first architecture comes from the sources. The last eight proposals of both searchers are
    compared in pairs. The sources' share of turns is the share of pairs that they win, after four
    ties are added, clipped to [1/8, 7/8]. So misleading sources cost few evaluations.
    `multi-task-gp` has a wide prior over the sources' weights here: a few observations can invert a
    source. If all sources agree and label half of the space in common, `meta-gp` replaces it,
    because it knows single architectures that are better than their neighbours on every source.

    Parameters
    ----------
    n_initial : int, default 5
        Size of the initial design: the turns of `gp` in it are random.
    features : sequence of str, optional
        Features that the kernels compare, see `nasmeta.spaces.SearchSpace.feature`.

    Attributes
    ----------
    notes : list of dict
        For each of the last proposals, ``by``: ``target`` (`gp`) or ``sources``.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> run = nm.search("meta", "nb201/cifar100", sources=few, evaluations=11)
    >>> run.notes[0], run.notes[1]
    ({'by': 'sources'}, {'by': 'target'})
    """

    crosses_spaces = True
    learns_in_place = True
    search_settings: ClassVar[tuple[str, ...]] = ("n_initial",)
    kind: ClassVar[type[SourcedSearch]] = SourcedSearch

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        n_initial: int = 5,
        features: Sequence[str] | None = None,
    ) -> None:
        super().__init__(space, rng)
        self.features = features
        settings = {"n_initial": n_initial, "features": features}
        self._arms = {
            "target": self._build(GPSearch, settings),
            "sources": self._build(self.kind, settings),
        }
        self._agreeing = self._build(MetaGPSearch, {"features": features})
        self._pending: dict[int, str] = {}  # the arm of each proposal without a value
        self._values_of: dict[str, list[float]] = {"target": [], "sources": []}
        self._turns_due = 1.0  # of the sources
        self.notes = []

    def _build(self, kind: type[GPSearch], settings: dict[str, Any]) -> Any:
        if self.space.is_large:
            return CandidateSearch(partial(kind, **settings), self.space, self.rng)
        return kind(self.space, self.rng, **settings)

    # -- meta-training
    @classmethod
    def check_sources(
        cls, space: SearchSpace, sources: Iterable[SourceTask | Task]
    ) -> list[SourceTask]:
        """Return the labels of the sources; their spaces must match the searched one."""
        return cls.kind.check_sources(space, sources)

    def _learn(self, sources: list[SourceTask]) -> Any:
        if self.space.is_large:
            return sources
        common = reduce(np.intersect1d, [source.architectures for source in sources])
        same_space = all(source.space == self.space for source in sources)
        complete = same_space and len(common) >= TURNS.complete * self.space.size
        if complete and self.kind is SourcedSearch:
            shared = MetaGP.learn(self.space, sources, self._agreeing.features)
            if shared.hyperparameters.variances.sum() <= TURNS.apart:
                return shared
        searcher = self._arms["sources"]
        searcher.avoid = self.avoid
        return searcher._learn(sources)

    def _pack(self) -> Packed:
        arrays, facts = self._ready["sources"]._pack()
        return arrays, facts | {"agree": isinstance(self.meta_model_, MetaGP)}

    def _unpack(self, arrays: Arrays, facts: Facts) -> Any:
        searcher = self._agreeing if facts["agree"] else self._arms["sources"]
        return searcher._unpack(arrays, facts)

    @property
    def _ready(self) -> dict[str, Any]:
        """The searchers, with the meta-model."""
        learned = self._require_meta_model()
        with_sources = self._arms["sources"]
        if isinstance(learned, MetaGP):
            with_sources = self._agreeing
        with_sources.meta_model_ = learned
        return {"target": self._arms["target"], "sources": with_sources}

    # -- the search
    def restrict(self, architectures: Architectures) -> bool:
        """Propose only these architectures."""
        searchers = [*self._arms.values(), self._agreeing]
        restricted = [searcher.restrict(architectures) for searcher in searchers]
        return all(restricted)

    def ask(self, n: int = 1) -> Architectures:
        """Propose architectures by turns."""
        if not self.space.is_large:
            self._arms["target"]._require_open(n)
        searchers = self._ready
        proposals = np.empty(n, self.space.index_type)
        self.notes = []
        for i in range(n):
            by = "sources" if self._turns_due >= 1 else "target"
            self._turns_due += self._share() - (by == "sources")
            architecture = int(searchers[by].ask()[0])
            while architecture in self._pending:
                architecture = int(searchers[by].ask()[0])
            self._pending[architecture] = by
            if not self.space.is_large:
                for searcher in searchers.values():
                    searcher._mark(architecture)
            proposals[i] = architecture
            self.notes.append({"by": by})
        return proposals

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Observe values, in both searchers."""
        self._count(architectures, values)
        for arm in self._ready.values():
            arm.tell(architectures, values)

    def tell_failures(self, architectures: Architectures, values: Floats) -> None:
        """Observe failures, in both searchers."""
        self._count(architectures, values)
        for arm in self._ready.values():
            arm.tell_failures(architectures, values)

    def _count(self, architectures: Architectures, values: Floats) -> None:
        for architecture, value in zip(architectures.tolist(), values.tolist(), strict=True):
            by = self._pending.pop(architecture, None)
            if by:
                self._values_of[by].append(value)

    def _share(self) -> float:
        """Return the share of turns of the searcher with sources.

        Among all pairs of its recent values and those of the other searcher, it is the share that
        it wins, with ties counted half.
        """
        values = np.array(self._values_of["sources"][-TURNS.last :])
        others = np.array(self._values_of["target"][-TURNS.last :])
        signs = np.sign(values[:, None] - others)  # (n_values, n_others)
        won = (signs + 1).sum() / 2
        share = (won + TURNS.ties / 2) / (signs.size + TURNS.ties)
        return float(np.clip(share, TURNS.least, 1 - TURNS.least))
