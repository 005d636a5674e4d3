"""The interface of a searcher: ask and tell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_generator, check_instance
from nasmeta.code import code_of
from nasmeta.errors import SettingError, SpaceExhaustedError, UnknownNameError
from nasmeta.registry import Registry, is_place
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task, checked_sources

ACQUISITIONS = ("ei", "ucb", "thompson", "greedy")
_OF_PREDICTORS = ("predictor", "meta-predictor")  # searchers that have the methods `knows` and `of`


class _Searchers(Registry["type[Searcher]"]):
    """Also answers for a predictor with an acquisition, ``xgboost-ei``; these are not listed."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._of_predictors: dict[str, type[Searcher]] = {}

    def __getitem__(self, name: str) -> type[Searcher]:
        predictor, _, acquisition = name.rpartition("-") if isinstance(name, str) else ("", "", "")
        if name in self or not predictor or acquisition not in ACQUISITIONS:
            return super().__getitem__(name)
        if name not in self._of_predictors:
            self._of_predictors[name] = self._of(predictor, acquisition, name)
        return self._of_predictors[name]

    def _of(self, predictor: str, acquisition: str, name: str) -> type[Searcher]:
        from nasmeta.predictors import PREDICTORS

        # a place may be of a meta-predictor, which is a predictor, too
        for own in _OF_PREDICTORS[::-1] if is_place(predictor) else _OF_PREDICTORS:
            kind: Any = self[own] if own in self else None  # noqa: SIM401  (`get` knows no UnknownNameError)
            if kind is not None and kind.knows(predictor):
                found: type[Searcher] = kind.of(predictor, acquisition, name=name)
                return found
        raise UnknownNameError.of("predictor", predictor, PREDICTORS)


SEARCHERS: Registry[type[Searcher]] = _Searchers(
    "searcher",
    group="nasmeta.searchers",
    accepts=lambda found: found if isinstance(found, type) and issubclass(found, Searcher) else None,
    wanted="a class derived from nasmeta.searchers.Searcher",
)

# A searcher is imported when its name is used.
for _name, _place in (
    ("asha", "searchers._halving:ASHA"),
    ("ax", "searchers.peers._ax:AxSearch"),
    ("bananas", "searchers._bananas:BananasSearch"),
    ("bohb", "searchers._bohb:BOHB"),
    ("botorch", "searchers.peers._botorch:BoTorchSearch"),
    ("ehvi", "searchers._ehvi:EHVISearch"),
    ("evolution", "searchers._evolution:RegularizedEvolution"),
    ("gp", "searchers._gp:GPSearch"),
    ("hyperband", "searchers._halving:Hyperband"),
    ("local-search", "searchers._local_search:LocalSearch"),
    ("local-search-full", "searchers._local_search:FullLocalSearch"),
    ("meta", "meta._default:DefaultMetaSearch"),
    ("meta-gp", "meta._meta_gp:MetaGPSearch"),
    ("meta-nas", "meta.meta_nas._searcher:MetaNASSearch"),
    ("meta-np", "meta.neural_process._searcher:MetaNPSearch"),
    ("meta-predictor", "meta._predictor_search:MetaPredictorSearch"),
    ("meta-rl", "meta.rl._meta_rl:MetaRLSearch"),
    ("multi-task-gp", "meta._multi_task_gp:MultiTaskGPSearch"),
    ("nsga2", "searchers._nsga2:NSGA2"),
    ("optuna", "searchers.peers._optuna:OptunaSearch"),
    ("optuna-gp", "searchers.peers._optuna:OptunaGP"),
    ("optuna-nsgaii", "searchers.peers._optuna:OptunaNSGAII"),
    ("optuna-random", "searchers.peers._optuna:OptunaRandom"),
    ("optuna-tpe", "searchers.peers._optuna:OptunaTPE"),
    ("parego", "searchers._ehvi:ParEGO"),
    ("pareto-local-search", "searchers._local_search:ParetoLocalSearch"),
    ("ppo", "meta.rl._ppo_search:PPOSearch"),
    ("predictor", "searchers._predictor:PredictorSearch"),
    ("pymoo-nsga2", "searchers.peers._pymoo:PymooNSGA2"),
    ("random", "searchers._random:RandomSearch"),
    ("reinforce", "searchers._reinforce:Reinforce"),
    ("rgpe", "meta._rgpe:RGPESearch"),
    ("rgpe-vanilla", "meta._rgpe:VanillaRGPESearch"),
    ("smac", "searchers.peers._smac:SMACSearch"),
    ("source-order", "meta._source_order:SourceOrder"),
    ("successive-halving", "searchers._halving:SuccessiveHalving"),
    ("syne-tune-bore", "searchers.peers._syne_tune:SyneTuneBORE"),
    ("syne-tune-bounding-box", "meta._syne_tune:SyneTuneBoundingBox"),
    ("syne-tune-cqr", "searchers.peers._syne_tune:SyneTuneCQR"),
    ("syne-tune-gp", "searchers.peers._syne_tune:SyneTuneGP"),
    ("syne-tune-kde", "searchers.peers._syne_tune:SyneTuneKDE"),
    ("syne-tune-quantile-copula", "meta._syne_tune:SyneTuneQuantileCopula"),
    ("syne-tune-rush", "meta._syne_tune:SyneTuneRUSH"),
    ("syne-tune-zero-shot", "meta._syne_tune:SyneTuneZeroShot"),
    ("tpe", "searchers._tpe:TPESearch"),
):
    SEARCHERS.declare(_name, f"nasmeta.{_place}")


class Searcher(ABC):
    """Propose cells, learn from their values; higher is better.

    A searcher knows the space and what it was told, nothing else. It draws all its random numbers from the generator
    that it gets at birth, so the same generator and the same answers give the same proposals: a run is resumed by
    replaying it.

    It may propose a cell again: the answer comes from the history and costs nothing. `ask` may be called several
    times before the values of earlier proposals are told, and values may come in any order.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator

    Attributes
    ----------
    waits_for_values : bool
        Of the class: whether it stands still until it is told the value of each of its proposals. Where it is kept
        to a part of the space, it is then told a low value for cells outside; others are told nothing.
    objectives : {"one", "several", "any"}
        Of the class: whether the values that it is told are numbers, shape (n,), or vectors, shape (n, m), of at least
        two objectives.
    budget_setting : str or None
        Of the class: the setting that receives the budget of a run in evaluations, unless the user gives it.
    notes : list of mapping, or None
        What the searcher says about each of the last proposals, of JSON's types; journal and history keep it. None
        where it says nothing.

    Notes
    -----
    Settings are keyword-only arguments of ``__init__`` with defaults, and all that the pages of searchers list as
    parameters: each takes a space and a generator before them. ``nasmeta.testing.SearcherContract`` holds the
    tests that any searcher must pass.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.searchers import Searcher
    >>> class Uniform(Searcher):
    ...     def ask(self, n=1):
    ...         return self.rng.integers(self.space.size, size=n)
    ...
    ...     def tell(self, cells, values):
    ...         pass
    >>> len(nm.search(Uniform, "nb201/cifar10", evaluations=20))
    20
    """

    waits_for_values: ClassVar[bool] = False
    objectives: ClassVar[Literal["one", "several", "any"]] = "one"
    budget_setting: ClassVar[str | None] = None
    notes: list[Mapping[str, Any]] | None = None

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        self.space = check_instance("space", space, SearchSpace)
        self.rng = check_generator(rng, "cells")

    @classmethod
    def code_identity(cls, settings: Mapping[str, Any]) -> str | None:
        """Return the identity of users' code in a run, as `nasmeta.code.code_of`; None for code of nasmeta."""
        return code_of(cls)

    @property
    def _who(self) -> str:
        """The name under which the class is registered, or else its own."""
        return SEARCHERS.name_of(type(self)) or type(self).__name__

    def restrict(self, cells: NDArray[np.int32]) -> bool:
        """Propose only these cells from now on, if the searcher can; return whether it does.

        Called before the first `ask`. For searchers that cannot, `SubsetSearch` filters the proposals.
        """
        return False

    @abstractmethod
    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose architectures, integers of any width, shape (n,).

        Raises
        ------
        SpaceExhaustedError
            Where the searcher has nothing left to propose.
        """

    @abstractmethod
    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Learn the values of cells: both of shape (n,), values of m objectives (n, m); higher is better."""

    def tell_failures(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Learn of cells whose evaluation failed, and the values that stand for that: by default as of any others."""
        self.tell(cells, values)


class WithoutReplacement(Searcher):
    """Base of searchers that learn from all values that they were told, and propose no architecture twice."""

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        self._told: dict[int, float] = {}
        self._open = np.ones(space.size, dtype=bool)

    def restrict(self, cells: NDArray[np.int32]) -> bool:
        """Treat the other architectures as proposed."""
        self._open[:] = False
        self._open[cells] = True
        return True

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Add the values."""
        self._told.update(zip(cells.tolist(), values.tolist(), strict=True))
        self._open[cells] = False

    def _require_open(self, n: int) -> None:
        if np.count_nonzero(self._open) < n:
            raise SpaceExhaustedError(f"All cells of {self.space.name} that may be proposed have been.")

    def _labelled(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the architectures that were told and their values, in the order in which they came."""
        n = len(self._told)
        return np.fromiter(self._told, np.int32, n), np.fromiter(self._told.values(), np.float64, n)

    def _take_best(self, score: NDArray[np.float64]) -> int:
        """Propose the open architecture of the highest score, shape (size,), ties at random."""
        score = np.where(self._open, score, -np.inf)
        ties = np.flatnonzero(score == score.max())
        cell = int(ties[0] if len(ties) == 1 else self.rng.choice(ties))
        self._open[cell] = False
        return cell

    def _sample_open(self, n: int) -> NDArray[np.int32]:
        """Propose open architectures at random."""
        chosen = self.rng.choice(np.flatnonzero(self._open), size=n, replace=False)
        self._open[chosen] = False
        return chosen.astype(np.int32)


class MetaSearcher(Searcher):
    """A searcher that learns from source tasks before it searches.

    All that it learns there sits in ``meta_model_``, so one meta-training serves any number of runs:
    ``other.meta_model_ = searcher.meta_model_``. One that can be kept in a file (`nasmeta.meta.SavedMetaModel.write`)
    says how by `_pack` and `_unpack`.

    Attributes
    ----------
    meta_model_ : object or None
        What was learnt; None before.
    meta_sources_ : tuple of dict
        Of each source its ``name``, the number of its ``labels``, what it ``held_out``, its ``metric_kind``
        and ``order_sha256``.
    search_settings : tuple of str
        Of the class: settings that have no part in meta-training, and so may be others than those of a model's file.
    crosses_spaces : bool
        Of the class: whether sources may be of another space.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.searchers import MetaSearcher
    >>> class BestOfSources(MetaSearcher):
    ...     def _learn(self, sources):
    ...         return np.concatenate([one.cells[np.argsort(-one.utilities)[:10]] for one in sources])
    ...
    ...     def ask(self, n=1):
    ...         return self.rng.choice(self.meta_model_, size=n)
    ...
    ...     def tell(self, cells, values):
    ...         pass
    >>> nm.search(BestOfSources, "nb201/cifar10", evaluations=5).sources
    ('nb201/cifar100', 'nb201/imagenet16-120')
    """

    meta_model_: Any = None
    meta_sources_: tuple[dict[str, Any], ...] = ()
    search_settings: ClassVar[tuple[str, ...]] = ()
    avoid: tuple[str, ...] = ()  # what a run's target holds out: no shipped weights that have seen it are taken
    monitor: Any = None  # of `nasmeta.meta.Monitor`: where a long meta-training is watched and kept
    crosses_spaces: ClassVar[bool] = False

    def meta_fit(self, sources: Iterable[SourceTask | Task]) -> MetaSearcher:
        """Learn from source tasks.

        Parameters
        ----------
        sources : iterable of Task or SourceTask
            Of a task only the signal is seen.

        Raises
        ------
        SettingError
            See `check_sources`.
        """
        seen = self.check_sources(sources)
        self.meta_model_ = self._learn(seen)
        self.meta_sources_ = tuple(source.facts for source in seen)
        return self

    def check_sources(self, sources: Iterable[SourceTask | Task]) -> list[SourceTask]:
        """Return what `meta_fit` would see of sources, without learning from them.

        Raises
        ------
        SettingError
            Where there is no source, or one of another space; see `nasmeta.tasks.checked_sources`.
        """
        return checked_sources(self._who, sources, None if self.crosses_spaces else self.space)

    @abstractmethod
    def _learn(self, sources: list[SourceTask]) -> Any:
        """Return the meta-model learnt from the sources' labelled cells."""

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return ``meta_model_`` as arrays by name and facts of JSON's types."""
        raise SettingError(f"{type(self).__name__} cannot be kept in a file: it has no _pack and _unpack.")

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> Any:
        """Return the meta-model that `_pack` described; the inverse of it."""
        raise SettingError(f"{type(self).__name__} cannot be read from a file: it has no _pack and _unpack.")

    @property
    def learner(self) -> Any:
        """What learns, and whose file `nasmeta meta-train` writes: itself, unless it searches by a meta-predictor."""
        return self

    @classmethod
    def learner_name(cls, name: str, settings: Mapping[str, Any]) -> str:
        """Return the registered name of `learner`, where that of the searcher is `name`."""
        return name

    @classmethod
    def with_learnt(cls, learnt: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of a search with those with which its learner was meta-trained."""
        return {**learnt, **settings}

    def _require_meta_model(self) -> Any:
        if self.meta_model_ is None:
            raise SettingError(f"{type(self).__name__} has learnt from no source yet: call meta_fit(tasks) first.")
        return self.meta_model_
