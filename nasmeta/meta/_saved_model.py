"""Files of meta-models: written by a learner, read, and given to a new learner."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind, digest_of
from nasmeta.code_identity import code_of
from nasmeta.errors import DamagedFileError, SettingError, shown
from nasmeta.files import write_atomically
from nasmeta.meta._arrays import Arrays
from nasmeta.meta._meta_predictor import META_PREDICTORS, is_meta_predictor, is_meta_searcher
from nasmeta.registry import is_place, names_from_file, place_of
from nasmeta.searchers import SEARCHERS
from nasmeta.spaces import SearchSpace, from_content, get_space, to_content
from nasmeta.tasks import SourceTask

SUFFIX = ".npz"
KIND = ArchiveKind(
    "nasmeta-meta-model",
    1,
    "meta-model",
    "`nasmeta meta-train NAME --sources FAMILY --leave-out DATASET --output FILE` makes one.",
    largest=2**28,
)
_CONTENT = ("kind", "space", "settings", "sources", "facts")  # of the card; part of the checksum


@dataclass(frozen=True)
class SavedMetaModel:
    """A meta-model in a file, and its card.

    Attributes
    ----------
    path : Path
    card : dict
        ``kind`` (the registered name, or ``package.module:Name``), ``space`` (a registered name or
        the content, see `nasmeta.spaces.to_content`), ``settings`` of the meta-training,
        ``sources`` (for each its name, number of labels and held-out names), ``facts`` of the
        learner, ``nasmeta`` (version), ``sha256``; ``training`` (see `training_digest`) if
        `nasmeta.meta.meta_train` wrote the file.
    arrays : dict of str to ndarray

    Examples
    --------
    >>> import tempfile
    >>> from nasmeta.meta import SavedMetaModel, meta_train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = meta_train("source-order", leave_out="cifar10", n_labels=50, output=f"{folder}/order.npz").path
    ...     saved = SavedMetaModel.load(path)
    >>> saved.kind, saved.space.name, saved.sources
    ('source-order', 'nb201', ('nb201/cifar100', 'nb201/imagenet16-120'))
    """

    path: Path
    card: dict[str, Any] = field(repr=False)
    arrays: dict[str, NDArray[Any]] = field(repr=False)

    @classmethod
    def load(cls, which: str | os.PathLike[str]) -> SavedMetaModel:
        """Return the meta-model of a file.

        Raises
        ------
        DamagedFileError
            If the file is damaged, of another kind or of another version.
        """
        path = Path(which)
        card, arrays = KIND.decode(path.read_bytes(), path)
        with KIND.blaming(path):
            content = {key: card[key] for key in _CONTENT}
            if digest_of(content, arrays) != card["sha256"]:
                raise ValueError("its content does not match its checksum")
            from_content(card["space"])
        return cls(path, card, arrays)

    @staticmethod
    def write(path: str | os.PathLike[str], learner: Any, training: str | None = None) -> Path:
        """Write the meta-model of a meta-searcher or meta-predictor to a file.

        Parameters
        ----------
        path : str or path-like
        learner : MetaSearcher or meta-predictor
            After ``meta_fit``. A custom class must be registered or be at the top level of a
            module, and have ``_pack() -> (arrays, facts)`` and ``_unpack(arrays, facts) ->
            meta_model_``.
        training : str, optional
            Identity of the training for the card, see `training_digest`.

        Returns
        -------
        Path

        Raises
        ------
        SettingError
            If the learner has no meta-model, or cannot be kept in a file.

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
            raise SettingError(
                f"{type(learner).__name__} has no meta-model. Call meta_fit(tasks) first."
            )
        arrays, facts = learner._pack()
        content = {
            "kind": kind_of(learner),
            "space": to_content(space_of(learner)),
            "settings": training_settings(learner),
            "sources": learner.meta_sources_,
            "facts": facts,
        }
        write_atomically(Path(path), encode(content, arrays, training))
        return Path(path)

    @property
    def kind(self) -> str:
        """The name of the learner: a registered one, or ``package.module:Name``."""
        return str(self.card["kind"])

    @property
    def predicts(self) -> bool:
        """Whether `predictor` works; otherwise the model only searches."""
        with names_from_file():
            return is_meta_predictor(self.kind) and not is_meta_searcher(self.kind)

    @property
    def space(self) -> SearchSpace:
        """The space of the model."""
        return from_content(self.card["space"])

    @property
    def sha256(self) -> str:
        """Checksum of the arrays and of the content of the card, not of the file's bytes."""
        return str(self.card["sha256"])

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the source tasks."""
        return tuple(source["name"] for source in self.card["sources"])

    @property
    def held_out(self) -> tuple[str, ...]:
        """Datasets and devices that the model has seen: on these its success is not an honest test."""
        names: list[str] = []
        for source in self.card["sources"]:
            names += source["held_out"]
        names += self.card["facts"].get("weights", {}).get("seen", [])
        return tuple(dict.fromkeys(names))

    @property
    def metric_kinds(self) -> tuple[str, ...]:
        """The metrics of the sources, as in `Task.metric_kind`, each once; empty strings are unknown metrics."""
        return tuple(dict.fromkeys(source["metric_kind"] for source in self.card["sources"]))

    def restore(self, learner: Any) -> Any:
        """Give the meta-model to a learner of the same kind, space and training settings, and return it.

        Raises
        ------
        SettingError
            If the learner is of another kind or space, or has another setting.
        DamagedFileError
            If the arrays do not fit this kind.
        """
        trained = {"learner": self.kind, "space": self.space, **self.card["settings"]}
        given = {
            "learner": kind_of(learner),
            "space": space_of(learner),
            **training_settings(learner),
        }
        for name, value in given.items():
            if trained.get(name, value) != value:
                raise SettingError(f"{name} for {self.path}", value, shown(trained[name]))
        with KIND.blaming(self.path):
            learner.meta_model_ = learner._unpack(self.arrays, self.card["facts"])
        learner.meta_sources_ = tuple(self.card["sources"])
        return learner

    def searcher(self, rng: np.random.Generator, **settings: Any) -> Any:
        """Return a new searcher with this meta-model; `settings` are the search's settings."""
        self.require_searcher()
        given = self.card["settings"] | settings
        return self.restore(SEARCHERS[self.kind](self.space, rng, **given))

    def predictor(self, **settings: Any) -> Any:
        """Return a meta-predictor with this meta-model: ``fit(architectures, y)`` adapts it."""
        if not self.predicts:
            self._refuse(META_PREDICTORS)
        given = self.card["settings"] | settings
        with names_from_file():
            return self.restore(META_PREDICTORS[self.kind](self.space, **given))

    @names_from_file()
    def require_searcher(self) -> None:
        """Raise a DamagedFileError unless the file holds a meta-searcher with valid settings."""
        if not is_meta_searcher(self.kind):
            self._refuse(filter(is_meta_searcher, SEARCHERS))
        with KIND.blaming(self.path):
            SEARCHERS[self.kind](self.space, np.random.default_rng(0), **self.card["settings"])

    def _refuse(self, possible: Iterable[str]) -> NoReturn:
        raise DamagedFileError(
            f"learner of {self.path}",
            self.kind,
            f"one of {', '.join(sorted(possible))}",
            "If the class is your own, import its module first.",
        )


def encode(content: Mapping[str, Any], arrays: Arrays, training: str | None = None) -> bytes:
    """Return the bytes of a file; the same content gives the same bytes.

    The identity of the training is not part of the checksum.
    """
    from nasmeta import __version__

    plain = json.loads(json.dumps(content))
    card = {"nasmeta": __version__, "sha256": digest_of(plain, arrays), **plain}
    if training is not None:
        card["training"] = training
    return KIND.encode(card, arrays)


def kind_of(learner: Any) -> str:
    """Return the name of a learner's class: the registered one, or ``package.module:Name``.

    Examples
    --------
    >>> from nasmeta.meta import META_PREDICTORS, kind_of
    >>> kind_of(META_PREDICTORS["experts"]())
    'experts'
    """
    kind = learner if isinstance(learner, type) else type(learner)
    name = SEARCHERS.name_of(kind) or META_PREDICTORS.name_of(kind) or place_of(kind)
    if is_place(name) or ":" not in name:
        return name
    raise SettingError(
        "class of the learner", kind, "a registered class, or one at the top level of a module"
    )


def space_of(learner: Any) -> SearchSpace:
    """Return the space of a searcher or predictor."""
    return get_space(learner.space)


def training_settings(learner: Any) -> dict[str, Any]:
    """Return the settings that meta-training depends on, as types of JSON."""
    settings = {}
    for name, parameter in inspect.signature(type(learner)).parameters.items():
        of_search = name == "space" or name in learner.search_settings
        if parameter.kind is parameter.KEYWORD_ONLY and not of_search:
            settings[name] = getattr(learner, name)
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return plain


def training_digest(learner: Any, sources: Sequence[SourceTask], seed: int) -> str:
    """Return a digest that two meta-trainings share only if learner, settings, seed and every label are the same.

    It contains the sources. Otherwise a training could resume with others, and its model would list
    the wrong ones.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import META_PREDICTORS, training_digest
    >>> learner, source = META_PREDICTORS["experts"](), nm.get_task("nb201/cifar10").as_source()
    >>> training_digest(learner, [source], 0) == training_digest(learner, [source], 1)
    False
    """
    space = space_of(learner)
    settings = {**training_settings(learner), "seed of the training": seed}
    code = code_of(type(learner))  # None for classes of this package
    if code is not None:
        settings["code"] = code
    described = [
        {
            "name": source.name,
            "held_out": source.held_out,
            "labels": len(source),
            "sha256": source.sha256,
        }
        for source in sources
    ]
    identity = {
        "kind": kind_of(learner),
        "space": space.registered_name or f"{space.name} {space.sha256}",
        "settings": settings,
        "sources": described,
    }
    return sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
