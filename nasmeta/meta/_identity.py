"""What makes two meta-trainings the same one: a checkpoint serves no other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nasmeta.spaces import CellSpace
from nasmeta.tasks import SourceTask

__all__ = ["training_identity"]


def training_identity(
    kind: str, space: CellSpace, settings: Mapping[str, Any], sources: Sequence[SourceTask]
) -> dict[str, Any]:
    """Return the identity of a meta-training, of JSON's types.

    Without the sources a training that was begun on one selection could go on with another, and its model would say
    that it has never seen what it was trained on.

    Parameters
    ----------
    kind : str
        The learner.
    space : CellSpace
    settings : mapping
        All that the outcome depends on, the seed or the generator's state too.
    sources : sequence of SourceTask

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> task = nm.get_task("nb201/cifar10")
    >>> few, others = (task.as_source(20, np.random.default_rng(seed)) for seed in (0, 1))
    >>> said = training_identity("maml", task.space, {"steps": 5}, [few])
    >>> said == training_identity("maml", task.space, {"steps": 5}, [few])
    True
    >>> said == training_identity("maml", task.space, {"steps": 5}, [others])
    False
    """
    said = {
        "kind": kind,
        "space": space.name,
        "settings": dict(settings),
        "sources": [
            {"name": source.name, "held_out": source.held_out, "labels": len(source), "sha256": source.sha256}
            for source in sources
        ],
    }
    identity: dict[str, Any] = json.loads(json.dumps(said, default=str))
    return identity
