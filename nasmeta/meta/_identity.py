"""What makes two meta-trainings the same one: a checkpoint serves no other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from nasmeta.meta._model_archive import settings_in_files
from nasmeta.meta._model_file import kind_of, space_of, training_settings
from nasmeta.spaces import SearchSpace, to_content
from nasmeta.tasks import SourceTask


def training_identity(
    kind: str, space: SearchSpace, settings: Mapping[str, Any], sources: Sequence[SourceTask]
) -> dict[str, Any]:
    """Return the identity of a meta-training, of JSON's types; settings are all that the outcome depends on.

    Without the sources a training that was begun on one selection could go on with another, and its model would say
    that it has never seen what it was trained on.
    """
    said = {
        "kind": kind,
        "space": to_content(space).get("registered", f"{space.name} {space.sha256}"),
        "settings": settings_in_files(kind, settings),
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
    identity = training_identity(kind_of(learner), space_of(learner), said, sources)
    return sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
