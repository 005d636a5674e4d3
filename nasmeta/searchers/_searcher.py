"""The interface of searchers, ask and tell, and their registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures, Array, Epochs, Facts, Floats
from nasmeta.code_identity import code_of
from nasmeta.errors import SettingError, SpaceExhaustedError, UnknownNameError
from nasmeta.predictors import PREDICTORS
from nasmeta.registry import Registry, is_place
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task, checked_sources

ACQUISITIONS = ("ei", "ucb", "thompson", "greedy")
TRIES = 1_000  # random architectures of a large space without a new one, which end a run
_OF_PREDICTORS = ("predictor", "meta-predictor")  # searchers that have the methods `knows` and `of`


class _Searchers(Registry["type[Searcher]"]):
    """The registry; it also resolves a predictor with an acquisition, such as ``ridge-ei``, without listing them."""

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
        # a class by its place may be a meta-predictor, which is a predictor, too
        for general in _OF_PREDICTORS[::-1] if is_place(predictor) else _OF_PREDICTORS:
            kind: Any = self[general] if general in self else None  # noqa: SIM401  (`get` knows no UnknownNameError)
            if kind is not None and kind.knows(predictor):
                searcher: type[Searcher] = kind.of(predictor, acquisition, name=name)
                return searcher
        raise UnknownNameError.of("predictor", predictor, PREDICTORS)


SEARCHERS: Registry[type[Searcher]] = _Searchers(
    "searcher",
    group="nasmeta.searchers",
    accepts=lambda thing: (
        thing if isinstance(thing, type) and issubclass(thing, Searcher) else None
    ),
    wanted="a class derived from nasmeta.searchers.Searcher",
)


class Searcher(ABC):
    """Base of searchers: propose architectures and learn from their values; higher is better.

    A searcher sees the space and the values returned so far. It draws all random numbers from its
    generator, so the same generator and values give the same proposals, and a run resumes by
    replaying them.

    A searcher may propose an architecture again; the run then returns the known value at no cost.
    `ask` may be called several times before `tell`, and values may arrive in any order.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator

    Attributes
    ----------
    waits_for_values : bool
        Class attribute: whether the searcher needs the value of every proposal. On a subset of the
        space, it then observes a low value for proposals outside the subset.
    needs_list : bool
        Class attribute: whether the searcher scores every architecture. In a large space, it then
        runs on candidates; see `CandidateSearch`.
    objectives : {"one", "several", "any"}
        Class attribute: whether `tell` takes numbers, shape (n,), or vectors of several objectives,
        shape (n, m).
    traces : {"exact", "statistical"}
        Class attribute: whether the same seed gives the same proposals on every processor, or only
        the same distribution of results; `nasmeta.audit` compares them accordingly. In a large
        space, searchers with `needs_list` are statistical: neighbouring levels of a range score
        nearly the same.
    budget_setting : str or None
        Class attribute: the setting that receives the number of evaluations of a run, unless the
        user gives it.
    notes : list of mapping, or None
        Facts about each of the last proposals, of JSON types, for journal and history.

    Notes
    -----
    Settings are keyword-only arguments of ``__init__`` with defaults, after the space and the generator.
    ``nasmeta.testing.SearcherContract`` contains the tests that every searcher must pass.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.searchers import Searcher
    >>> class Uniform(Searcher):
    ...     def ask(self, n=1):
    ...         return self.rng.integers(self.space.size, size=n)
    ...
    ...     def tell(self, architectures, values):
    ...         pass
    >>> len(nm.search(Uniform, "nb201/cifar10", evaluations=20))
    20
    """

    waits_for_values: ClassVar[bool] = False
    needs_list: ClassVar[bool] = False
    objectives: ClassVar[Literal["one", "several", "any"]] = "one"
    traces: ClassVar[Literal["exact", "statistical"]] = "exact"
    budget_setting: ClassVar[str | None] = None
    notes: list[Facts] | None = None

    def __init__(self, space: SearchSpace, rng: Generator) -> None:
        self.space = space
        self.rng = rng

    @classmethod
    def code_identity(cls, settings: Facts) -> str | None:
        """Return the identity of users' code in a run, as `nasmeta.code_identity.code_of`; None for code of nasmeta."""
        return code_of(cls)

    @property
    def _who(self) -> str:
        """The registered name of the class, or the name of the class."""
        return SEARCHERS.name_of(type(self)) or type(self).__name__

    def restrict(self, architectures: Architectures) -> bool:
        """Propose only these architectures, if the searcher can; return whether it does.

        Called before the first `ask`. For other searchers, `SubsetSearch` filters the proposals.
        """
        return False

    @abstractmethod
    def ask(self, n: int = 1) -> Architectures:
        """Propose architectures, integers of any width, shape (n,).

        Raises
        ------
        SpaceExhaustedError
            If no architecture is left to propose.
        """

    @abstractmethod
    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Observe values, shape (n,), or (n, m) for m objectives, of architectures, shape (n,); higher is better."""

    def tell_failures(self, architectures: Architectures, values: Floats) -> None:
        """Observe failed evaluations with substitute values; by default like any other values."""
        self.tell(architectures, values)

    def adopt(self, before: Any) -> None:  # noqa: B027
        """Before the first value, take over the fits of a searcher of the same kind; see `CandidateSearch`."""

    def close(self) -> None:  # noqa: B027
        """End processes, at the end of a run; by default nothing."""

    def _random(self) -> int:
        """Return a random architecture."""
        if self.space.is_large:
            return int(self.space.sample(1, self.rng, replace=True)[0])
        return int(self.rng.integers(self.space.size))


class _AllBut:
    """The open architectures of a large space, stored as the set of closed ones."""

    def __init__(self) -> None:
        self._closed: set[int] = set()

    def __getitem__(self, architectures: Any) -> Any:
        if isinstance(architectures, int) or not np.ndim(architectures):  # the first is much faster
            return int(architectures) not in self._closed
        listed = np.asarray(architectures).tolist()
        return np.array([architecture not in self._closed for architecture in listed])

    def __setitem__(self, architectures: Any, value: bool) -> None:
        assert not value
        self._closed.update(np.atleast_1d(architectures).tolist())


class WithoutReplacement(Searcher):
    """Base of searchers that learn from all observed values, and propose no architecture twice.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.searchers import WithoutReplacement
    >>> class Last(WithoutReplacement):
    ...     def ask(self, n=1):
    ...         return np.flatnonzero(self._open)[-n:]
    >>> nm.search(Last, "nb201/cifar10", evaluations=2).architectures.tolist()
    [15624, 15623]
    """

    needs_list = True

    def __init__(self, space: SearchSpace, rng: Generator) -> None:
        super().__init__(space, rng)
        self._observed: dict[int, float] = {}
        self._open: Any = _AllBut() if space.is_large else np.ones(space.size, dtype=bool)

    def restrict(self, architectures: Architectures) -> bool:
        """Treat the other architectures as proposed."""
        if self.space.is_large:
            return False
        self._open[:] = False
        self._open[architectures] = True
        return True

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Add the values."""
        self._observed.update(zip(architectures.tolist(), values.tolist(), strict=True))
        self._open[architectures] = False

    def _has_open(self, n: int) -> bool:
        return self.space.is_large or bool(np.count_nonzero(self._open) >= n)

    def _require_open(self, n: int) -> None:
        if not self._has_open(n):
            raise SpaceExhaustedError(f"All architectures of {self.space.name} have been proposed.")

    def _labelled(self) -> tuple[Architectures, Floats]:
        """Return the observed architectures and their values, in the order of arrival."""
        architectures = np.array(list(self._observed), self.space.index_type)
        values = np.array(list(self._observed.values()), np.float64)
        return architectures, values

    def _take_best(self, score: Floats) -> int:
        """Propose the open architecture with the highest score, shape (size,); ties are broken at random."""
        score = np.where(self._open, score, -np.inf)
        ties = np.flatnonzero(score == score.max())
        architecture = int(ties[0] if len(ties) == 1 else self.rng.choice(ties))
        self._open[architecture] = False
        return architecture

    def _each_from(self, draw: Callable[[], int], n: int) -> Architectures:
        """Propose n open architectures, drawn one after another."""
        proposals = np.empty(n, self.space.index_type)
        for i in range(n):
            proposals[i] = architecture = draw()
            self._open[architecture] = False
        return proposals

    def _sample_open(self, n: int) -> Architectures:
        """Propose open architectures at random."""
        if self.space.is_large:
            return self._each_from(self._random_open, n)
        chosen = self.rng.choice(np.flatnonzero(self._open), size=n, replace=False)
        self._open[chosen] = False
        return chosen.astype(np.int32)

    def _random_open(self) -> int:
        """Return a random open architecture."""
        if not self.space.is_large:
            return int(self.rng.choice(np.flatnonzero(self._open)))
        for _ in range(TRIES):
            if self._open[architecture := self._random()]:
                return architecture
        raise SpaceExhaustedError(
            f"{TRIES:,} random architectures of {self.space.name} have been proposed."
        )


class MultiFidelitySearcher(Searcher):
    """Base of searchers that propose architectures together with the epochs of their training.

    A run calls `begin` with the possible lengths, then `ask_at` and `tell_at`. Without `begin`,
    there is one length, and the searcher has `ask` and `tell` like any other.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator

    Attributes
    ----------
    fidelities : tuple of int
        Epochs, ascending; the last is the full length.

    Examples
    --------
    >>> from nasmeta.searchers import MultiFidelitySearcher
    >>> from nasmeta.spaces import get_space
    >>> class Shortest(MultiFidelitySearcher):
    ...     def ask_at(self, n=1):
    ...         return self.rng.integers(self.space.size, size=n), np.full(n, self.fidelities[0])
    ...
    ...     def tell_at(self, architectures, epochs, values):
    ...         pass
    >>> searcher = Shortest(get_space("nb201"), np.random.default_rng(0))
    >>> searcher.begin((12, 200))
    >>> searcher.ask_at(3)[1].tolist()
    [12, 12, 12]
    """

    def __init__(self, space: SearchSpace, rng: Generator) -> None:
        super().__init__(space, rng)
        self.fidelities: tuple[int, ...] = (1,)

    def begin(self, fidelities: Sequence[int]) -> None:
        """Set the possible lengths of trainings, in ascending epochs, before the first proposal."""
        self.fidelities = tuple(map(int, fidelities))

    def begin_with(self, architectures: Architectures) -> bool:
        """Start with these architectures, if the searcher can; return whether it does.

        Called before the first proposal, after `restrict`. They start with a short training, like
        any other.
        """
        return False

    @abstractmethod
    def ask_at(self, n: int = 1) -> tuple[Architectures, Epochs]:
        """Propose architectures, int32 (int64 in a large space), and epochs, int32, each of shape (n,).

        Raises
        ------
        SpaceExhaustedError
            If no architecture is left to propose.
        """

    @abstractmethod
    def tell_at(self, architectures: Architectures, epochs: Epochs, values: Floats) -> None:
        """Observe values after the given epochs, all of shape (n,); higher is better."""

    def ask(self, n: int = 1) -> Architectures:
        """Propose architectures for the only length."""
        return self.ask_at(n)[0]

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Observe values of full trainings."""
        epochs = np.full(len(architectures), self.fidelities[-1], np.int32)
        self.tell_at(architectures, epochs, values)


class MetaSearcher(Searcher):
    """A searcher that learns from source tasks before it searches.

    ``meta_model_`` contains everything that it learns, so one meta-training serves any number of
    runs: ``other.meta_model_ = searcher.meta_model_``. `_pack` and `_unpack` let
    `nasmeta.meta.SavedMetaModel.write` save it.

    Attributes
    ----------
    meta_model_ : object or None
        The learned model; None before `meta_fit`.
    meta_sources_ : tuple of dict
        For each source: ``name``, number of ``labels``, ``held_out``, ``metric_kind`` and
        ``order_sha256``.
    search_settings : tuple of str
        Class attribute: settings that do not affect meta-training, and may differ from the settings
        of a saved model.
    crosses_spaces : bool
        Class attribute: whether sources may have another space.
    learns_in_place : bool
        Class attribute: whether `__init__` and `_learn` draw no random numbers and change nothing
        that the search uses, so one object learns and searches. By default, another object learns.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.searchers import MetaSearcher
    >>> class BestOfSources(MetaSearcher):
    ...     def _learn(self, sources):
    ...         return np.concatenate([source.architectures[np.argsort(-source.utilities)[:10]] for source in sources])
    ...
    ...     def ask(self, n=1):
    ...         return self.rng.choice(self.meta_model_, size=n)
    ...
    ...     def tell(self, architectures, values):
    ...         pass
    >>> nm.search(BestOfSources, "nb201/cifar10", evaluations=5).sources
    ('nb201/cifar100', 'nb201/imagenet16-120')
    """

    meta_model_: Any = None
    meta_sources_: tuple[dict[str, Any], ...] = ()
    search_settings: ClassVar[tuple[str, ...]] = ()
    # Held-out datasets of the target, which shipped weights must not have seen.
    avoid: tuple[str, ...] = ()
    # Called with (steps done, total steps, loss) of a gradient-based meta-training.
    progress: Any = None
    crosses_spaces: ClassVar[bool] = False
    learns_in_place: ClassVar[bool] = False

    def meta_fit(self, sources: Iterable[SourceTask | Task]) -> MetaSearcher:
        """Learn from source tasks.

        Parameters
        ----------
        sources : iterable of Task or SourceTask
            Only the signal of a task is used.

        Raises
        ------
        SettingError
            See `check_sources`.
        """
        seen = self.check_sources(self.space, sources)
        self.meta_model_ = self._learn(seen)
        self.meta_sources_ = tuple(source.facts for source in seen)
        return self

    @classmethod
    def check_sources(
        cls, space: SearchSpace, sources: Iterable[SourceTask | Task]
    ) -> list[SourceTask]:
        """Return the labels that `meta_fit` uses for a search of a space.

        Raises
        ------
        SettingError
            If there is no source, or one of another space; see `nasmeta.tasks.checked_sources`.
        """
        who = SEARCHERS.name_of(cls) or cls.__name__
        if cls.crosses_spaces and not space.is_large:
            return checked_sources(who, sources)
        return checked_sources(who, sources, space)

    @abstractmethod
    def _learn(self, sources: list[SourceTask]) -> Any:
        """Return the meta-model, learned from the labels of the sources."""

    def _pack(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return ``meta_model_`` as arrays by name and facts of JSON types."""
        raise NotImplementedError(f"{type(self).__name__} has no _pack, so it cannot be saved.")

    def _unpack(self, arrays: Mapping[str, Array], facts: Facts) -> Any:
        """Return the meta-model that `_pack` described."""
        raise NotImplementedError(f"{type(self).__name__} has no _unpack, so it cannot be loaded.")

    @property
    def learner(self) -> Any:
        """The learner that `nasmeta meta-train` saves: the searcher, or its meta-predictor."""
        return self

    @classmethod
    def learner_name(cls, name: str, settings: Facts) -> str:
        """Return the registered name of `learner`, given the name of the searcher."""
        return name

    @classmethod
    def with_learnt(cls, learnt: Facts, settings: Facts) -> dict[str, Any]:
        """Return the settings of a search, completed by the settings of its meta-training."""
        return {**learnt, **settings}

    def _require_meta_model(self) -> Any:
        if self.meta_model_ is None:
            raise SettingError(
                f"{type(self).__name__} is not meta-trained: call meta_fit(tasks) first."
            )
        return self.meta_model_
