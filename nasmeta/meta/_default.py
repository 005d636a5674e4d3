"""The meta-searcher by default: the one that fits what the sources are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import combinations
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

__all__ = ["DefaultMetaSearch", "Pick", "choose_meta_searcher"]

_COVERED = 0.5  # share of the space that all sources have labelled
_AGREEING = 0.9  # mean Spearman correlation of the sources: 0.59 to 0.74 on TransNAS-Bench-101, 0.96 on NAS-Bench-201


class Pick(NamedTuple):
    """Which searcher was picked, by its name, and why."""

    searcher: str
    reason: str


def choose_meta_searcher(space: SearchSpace, sources: Sequence[SourceTask]) -> Pick:
    """Pick ``meta-gp`` where the sources are known and agree, ``rgpe`` across spaces, else ``multi-task-gp``.

    Where all sources have labelled the same half of this space, or more, and the mean Spearman correlation of two of
    them is at least 0.9, a prior mean that they share is hard to improve on: ``meta-gp``. Otherwise the target has to
    show which of them it follows: ``multi-task-gp`` regresses its values on what is known of the sources. Where one is
    of another space, weights are those of ranks (``rgpe``), which can only leave a source out and so harm less.

    Parameters
    ----------
    space : SearchSpace
    sources : sequence of SourceTask

    Returns
    -------
    Pick
        A name in `nasmeta.searchers.SEARCHERS`, and the reason in words.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.meta import choose_meta_searcher
    >>> tasks, space = nm.task_distribution("nb201"), nm.get_space("nb201")
    >>> choose_meta_searcher(space, tasks.as_sources())
    Pick(searcher='meta-gp', reason='the sources agree (mean Spearman 0.97)')
    >>> choose_meta_searcher(space, tasks.as_sources(100, np.random.default_rng(0)))
    Pick(searcher='multi-task-gp', reason='only 0 cells are labelled in all sources')
    """
    from scipy.stats import spearmanr

    if other := next((source for source in sources if source.space != space), None):
        return Pick("rgpe", f"a source is of another {other.space.noun} space ({other.space.name})")
    if len(sources) < 2:
        return Pick("multi-task-gp", "one source shows no agreement")
    common = reduce(np.intersect1d, [source.cells for source in sources])
    if len(common) < _COVERED * space.size:
        return Pick("multi-task-gp", f"only {len(common):,} cells are labelled in all sources")
    values = []
    for source in sources:
        order = np.argsort(source.cells)
        values.append(source.utilities[order[np.searchsorted(source.cells, common, sorter=order)]])
    if any(np.ptp(own) == 0 for own in values):
        return Pick("multi-task-gp", "a source has the same value everywhere")
    agreement = np.mean([spearmanr(a, b)[0] for a, b in combinations(values, 2)])
    if agreement >= _AGREEING:
        return Pick("meta-gp", f"the sources agree (mean Spearman {agreement:.2f})")
    return Pick("multi-task-gp", f"the sources disagree (mean Spearman {agreement:.2f})")


@dataclass(frozen=True)
class _Chosen:
    """What was learnt, by which searcher, and why by that one."""

    pick: Pick
    meta_model: Any


@SEARCHERS.register("meta")
class DefaultMetaSearch(MetaSearcher):
    """The meta-searcher to begin with: `choose_meta_searcher` looks at the sources and picks another one.

    ``nasmeta search --meta TASK`` runs it, and the run says in ``picked`` which one it was and why. The choice sees the
    sources only, so it is the same for every target.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> nm.search("meta", "nb201/cifar100", sources=few, evaluations=10).picked
    'multi-task-gp: only 0 cells are labelled in all sources'
    """

    crosses_spaces: ClassVar[bool] = True

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)

    def _learn(self, sources: list[SourceTask]) -> _Chosen:
        pick = choose_meta_searcher(self.space, sources)
        return _Chosen(pick, self._made(pick.searcher).meta_fit(sources).meta_model_)

    def _made(self, name: str) -> MetaSearcher:
        searcher = SEARCHERS[name](self.space, self.rng)
        assert isinstance(searcher, MetaSearcher)
        return searcher

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        arrays, facts = self._chosen._pack()
        pick: Pick = self._require_meta_model().pick
        return arrays, {"chosen": pick.searcher, "reason": pick.reason, "facts": facts}

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> _Chosen:
        pick = Pick(str(facts["chosen"]), str(facts.get("reason", "as its file says")))
        return _Chosen(pick, self._made(pick.searcher)._unpack(arrays, facts["facts"]))

    @cached_property
    def _chosen(self) -> MetaSearcher:
        learnt: _Chosen = self._require_meta_model()
        chosen = self._made(learnt.pick.searcher)
        chosen.meta_model_ = learnt.meta_model
        return chosen

    def restrict(self, cells: NDArray[np.int32]) -> bool:
        """Propose only these cells from now on."""
        return self._chosen.restrict(cells)

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose what the chosen searcher proposes."""
        return self._chosen.ask(n)

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Let the chosen searcher learn the values."""
        self._chosen.tell(cells, values)
