"""A meta-model in a file: written by a learner, read, given to a new learner; and what makes two trainings the same."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_names
from nasmeta.code import code_of
from nasmeta.errors import DamagedFileError, SettingError, UnknownNameError, shown
from nasmeta.files import shipped, write_atomically
from nasmeta.meta._meta_predictor import META_PREDICTORS, is_meta_predictor, is_meta_searcher
from nasmeta.meta._model_archive import KIND, decode, encode
from nasmeta.pictures import Width
from nasmeta.registry import is_place, names_from_file, place_of
from nasmeta.searchers import SEARCHERS
from nasmeta.spaces import SearchSpace, from_content, get_space, namesakes
from nasmeta.tasks import SourceTask

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIX = ".npz"


@dataclass(frozen=True)
class SavedMetaModel:
    """A meta-model in a file, and its card.

    Attributes
    ----------
    path : Path
    card : dict
        ``kind`` (the registered name, or ``package.module:Name``), ``space`` (a registered name or the content, see
        `nasmeta.spaces.to_content`), ``settings`` of the meta-training, ``sources`` (of
        each its name, number of labels and what it held out), ``facts`` of the learner's own, ``nasmeta`` (version),
        ``sha256``; ``training`` (see `training_digest`) where `nasmeta.meta.meta_train` wrote it.
    arrays : dict of str to ndarray

    Examples
    --------
    >>> from nasmeta.meta import SavedMetaModel
    >>> saved = SavedMetaModel.load("meta-rl-nb201-without-cifar10")
    >>> saved.kind, saved.space.name, saved.sources
    ('meta-rl', 'nb201', ('nb201/cifar100', 'nb201/imagenet16-120'))
    """

    path: Path
    card: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    @classmethod
    def load(cls, which: str | os.PathLike[str]) -> SavedMetaModel:
        """Return a meta-model: that of a file, or a shipped one by its name.

        Raises
        ------
        UnknownNameError
            Where there is neither.
        DamagedFileError
            Where the file is damaged, of another kind or of another version.

        Examples
        --------
        >>> from nasmeta.meta import SavedMetaModel
        >>> SavedMetaModel.load(sorted(SavedMetaModel.shipped())[0]).space.name
        'nb201'
        """
        known = cls.shipped()
        if not isinstance(which, str | os.PathLike):
            raise SettingError(f"A meta-model is named by its file or as a shipped one, not {shown(which)}.")
        if isinstance(which, str) and which in known:
            return _shipped(known[which])
        path = Path(which)
        if path.suffix == SUFFIX or os.path.isfile(path):
            return cls._of_file(path)
        raise UnknownNameError(
            f"{shown(str(which))} is neither the file (.npz) nor the name of a meta-model. "
            f"Shipped: {', '.join(known) or 'none'}."
        )

    @classmethod
    def _of_file(cls, path: Path) -> SavedMetaModel:
        """Read what `write` wrote; any other file, damaged or of another version is a DamagedFileError."""
        return cls(path, *decode(KIND.read(path), path))

    @staticmethod
    def shipped() -> Mapping[str, Path]:
        """Return the files of the shipped meta-models by name.

        Examples
        --------
        >>> from nasmeta.meta import SavedMetaModel
        >>> "meta-np-nb201-without-cifar10" in SavedMetaModel.shipped()
        True
        """
        return {path.stem: path for path in sorted(shipped("meta_models").glob(f"*{SUFFIX}"))}

    @staticmethod
    def write(path: str | os.PathLike[str], learner: Any, training: str | None = None) -> Path:
        """Write what a meta-searcher or meta-predictor has learnt on its sources into one file.

        Parameters
        ----------
        path : str or path-like
        learner : MetaSearcher or meta-predictor
            After ``meta_fit``. A class of your own has to stand at the top of a module, or to be registered, and to
            have ``_pack() -> (arrays, facts)`` and ``_unpack(arrays, facts) -> meta_model_``.
        training : str, optional
            Kept in the card: which training it was, see `training_digest`.

        Returns
        -------
        Path

        Raises
        ------
        SettingError
            Where it has learnt nothing yet, or cannot be kept in a file.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> import nasmeta as nm
        >>> from nasmeta.meta import SavedMetaModel
        >>> from nasmeta.searchers import SEARCHERS
        >>> source, target = nm.task_distribution("nb201").leave_out("cifar100")
        >>> order = SEARCHERS["source-order"](nm.get_space("nb201"), np.random.default_rng(0)).meta_fit(source)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     saved = SavedMetaModel.load(SavedMetaModel.write(f"{folder}/order.npz", order))
        >>> saved.kind, saved.sources
        ('source-order', ('nb201/cifar10', 'nb201/imagenet16-120'))
        >>> bool((saved.searcher(np.random.default_rng(0)).ask(5) == order.ask(5)).all())
        True
        """
        if getattr(learner, "meta_model_", None) is None:
            raise SettingError(f"{type(learner).__name__} has learnt from no source yet: call meta_fit(tasks) first.")
        arrays, facts = learner._pack()
        path = Path(path)
        content = encode(
            kind_of(learner),
            space_of(learner),
            training_settings(learner),
            learner.meta_sources_,
            arrays,
            facts,
            training,
        )
        write_atomically(path, content)
        return path

    @property
    def kind(self) -> str:
        """The name of the learner: a registered one, or ``package.module:Name``."""
        return str(self.card["kind"])

    @property
    def predicts(self) -> bool:
        """Whether a meta-predictor can be made of it; else it only searches."""
        with names_from_file():
            return is_meta_predictor(self.kind)

    @property
    def space(self) -> SearchSpace:
        """The space that it is for."""
        return from_content(self.card["space"])

    @property
    def sha256(self) -> str:
        """Of the arrays and of what the card says of them, not of the file's bytes."""
        return str(self.card["sha256"])

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the tasks that it has learnt from."""
        return tuple(source["name"] for source in self.card["sources"])

    @property
    def held_out(self) -> tuple[str, ...]:
        """Datasets and devices that it has seen: with a target on one of these its success is no honest test."""
        of_sources = [name for source in self.card["sources"] for name in source["held_out"]]
        of_weights = self.card["facts"].get("weights", {}).get("seen", []) if self.kind == "in-context" else []
        return tuple(dict.fromkeys([*of_sources, *map(str, of_weights)]))

    @property
    def metric_kinds(self) -> tuple[str, ...]:
        """What its sources measure, as in `Task.metric_kind`; each once, empty for one of which nobody says."""
        return tuple(dict.fromkeys(source["metric_kind"] for source in self.card["sources"]))

    def restore(self, learner: Any) -> Any:
        """Give what was learnt to a learner of the same kind, space and settings, and return it.

        Raises
        ------
        SettingError
            Where the learner is of another kind, space or setting.
        DamagedFileError
            Where the arrays are not those of this kind.
        """
        kind, space = kind_of(learner), space_of(learner)
        if kind != self.kind:
            raise SettingError(f"{self.path} holds a model of {self.kind}, but the learner is {kind}.")
        if space != self.space:
            other = f"but the learner's is {space.name}.{namesakes(self.space, space)}"
            raise SettingError(f"{self.path} is for the space {self.space.name}, {other}")
        for name, value in training_settings(learner).items():
            if name in self.card["settings"] and self.card["settings"][name] != value:
                raise SettingError(
                    f"{self.path} was meta-trained with {name}={shown(self.card['settings'][name])}, not "
                    f"{shown(value)}: leave the setting out, or meta-train anew."
                )
        with KIND.blaming(self.path):
            learner.meta_model_ = learner._unpack(self.arrays, self.card["facts"])
        learner.meta_sources_ = tuple(self.card["sources"])
        return learner

    def searcher(self, rng: np.random.Generator, **settings: Any) -> Any:
        """Return a new searcher that has learnt what the file holds; settings are those of the search."""
        self.require_searcher()
        return self.restore(SEARCHERS[self.kind](self.space, rng, **self._with(SEARCHERS[self.kind], settings)))

    def predictor(self, **settings: Any) -> Any:
        """Return a meta-predictor that has learnt what the file holds: ``fit(cells, y)`` adapts it."""
        if not self.predicts:
            self._refuse_method(META_PREDICTORS)
        kind, space = META_PREDICTORS[self.kind], self.card["space"]
        space = space if isinstance(space, str) else self.space
        with KIND.blaming(self.path), names_from_file():
            kind(space=space, **self.card["settings"])
        return self.restore(kind(space=space, **self._with(kind, settings)))

    def describe(self) -> str:
        """Say in words what was learnt: from which sources, the lengthscales, what is expected of each choice.

        Examples
        --------
        >>> from nasmeta.meta import SavedMetaModel
        >>> SavedMetaModel.load("meta-np-nb201-without-cifar10").describe().splitlines()[1]
        'No honest test on: cifar100, imagenet16-120.'
        """
        from nasmeta.meta._model_summary import describe_model

        return describe_model(self)

    def plot(self, width: Width = None) -> Figure:
        """Draw what `describe` says: the kernel by features, and the effect of each choice on the prior mean.

        Parameters
        ----------
        width : str or float, optional
            As in `nasmeta.analysis.plot_regret`; 6.6 inches where left out.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        SettingError
            Where it has neither, as the policy of ``meta-rl``.
        UnknownNameError

        Examples
        --------
        >>> from nasmeta.meta import SavedMetaModel
        >>> figure = SavedMetaModel.load("meta-np-nb201-without-cifar10").plot()
        >>> [axes.get_title() for axes in figure.axes][:2]
        ['0->1', '0->2']
        """
        from nasmeta.meta._model_summary import plot_model

        return plot_model(self, width)

    def _with(self, kind: Any, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of the file with those of the user, whose names are checked."""
        known = [name for name in inspect.signature(kind).parameters if name not in ("space", "rng")]
        check_names(self.kind, "setting", settings, known)
        return {**self.card["settings"], **settings}

    @names_from_file()
    def require_searcher(self) -> None:
        """Raise an error unless the file holds a meta-searcher with valid settings.

        Raises
        ------
        UnknownNameError
            If the file names a class ``package.module:Name`` that this process has not imported by that name.
        DamagedFileError
        """
        if not is_meta_searcher(self.kind):
            self._refuse_method(filter(is_meta_searcher, SEARCHERS))
        with KIND.blaming(self.path):
            SEARCHERS[self.kind](self.space, np.random.default_rng(0), **self.card["settings"])

    def _refuse_method(self, possible: Iterable[str]) -> NoReturn:
        raise DamagedFileError(
            f"{self.path} holds a model of the method {shown(self.kind)}, which is none here: "
            f"{', '.join(sorted(possible))}. Import what registers it, or use a file of one of these. {KIND.hint}"
        )


@cache
def _shipped(path: Path) -> SavedMetaModel:
    return SavedMetaModel._of_file(path)


def kind_of(learner: Any) -> str:
    """Return the name of a learner's class: the registered one, or ``package.module:Name``."""
    kind = learner if isinstance(learner, type) else type(learner)
    name = SEARCHERS.name_of(kind) or META_PREDICTORS.name_of(kind) or place_of(kind)
    if is_place(name) or ":" not in name:
        return name
    raise SettingError(f"{kind.__name__} is not registered, nor at the top of a module, so a file could not name it.")


def space_of(learner: Any) -> SearchSpace:
    return get_space(learner.space)


def training_settings(learner: Any) -> dict[str, Any]:
    """Return the settings that meta-training depends on, as JSON has them."""
    names = [
        parameter.name
        for parameter in inspect.signature(type(learner)).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in ("space", *learner.search_settings)
    ]
    for name in names:
        if not hasattr(learner, name):
            raise SettingError(f"{type(learner).__name__} keeps no {name}, which its file records: set self.{name}.")
    found: dict[str, Any] = json.loads(json.dumps({name: getattr(learner, name) for name in names}))
    return found


def training_identity(
    kind: str, space: SearchSpace, settings: Mapping[str, Any], sources: Sequence[SourceTask]
) -> dict[str, Any]:
    """Return the identity of a meta-training, of JSON's types; settings are all that the outcome depends on.

    Without the sources a training that was begun on one selection could go on with another, and its model would say
    that it has never seen what it was trained on.
    """
    said = {
        "kind": kind,
        "space": space.registered_name or f"{space.name} {space.sha256}",
        "settings": dict(settings),
        "sources": [
            {"name": source.name, "held_out": source.held_out, "labels": len(source), "sha256": source.sha256}
            for source in sources
        ],
    }
    identity: dict[str, Any] = json.loads(json.dumps(said, default=str))
    return identity


def training_digest(learner: Any, sources: Sequence[SourceTask], seed: int) -> str:
    """Return what two meta-trainings share only where they are the same: learner, settings, seed and every label.

    >>> import nasmeta as nm
    >>> from nasmeta.meta import META_PREDICTORS
    >>> learner, source = META_PREDICTORS["meta-linear"](), nm.get_task("nb201/cifar10").as_source()
    >>> training_digest(learner, [source], 0) == training_digest(learner, [source], 1)
    False
    """
    said = {**training_settings(learner), "seed of the training": seed}
    if (code := code_of(type(learner))) is not None:
        said["code"] = code
    identity = training_identity(kind_of(learner), space_of(learner), said, sources)
    return sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
