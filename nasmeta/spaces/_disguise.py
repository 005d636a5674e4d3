"""The same space under other names."""

from __future__ import annotations

from typing import Any

import numpy as np

from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._content import from_content
from nasmeta.spaces._packed_arrays import packed
from nasmeta.spaces._search_space import SearchSpace


def disguised(
    space: SearchSpace, rng: np.random.Generator, *, permuted: bool = False
) -> SearchSpace:
    """Return a space with random names of positions and choices; architecture *i* of both is the same.

    A range gets the places of its choices, from 0 to 1.

    Parameters
    ----------
    space : SearchSpace
        Enumerated.
    rng : numpy.random.Generator
    permuted : bool, default False
        Whether unordered choices get another order, ordered ones are reversed with probability 1/2,
        and positions move. Cells keep their graph and the place of each edge.

    Examples
    --------
    >>> from nasmeta.spaces import SearchSpace, disguised
    >>> mlp = SearchSpace("mlp", {"width": [16, 32], "act": ["relu", "tanh"]})
    >>> disguised(mlp, np.random.default_rng(0)).to_string(0)
    'p677=c460,p812=c406'
    """
    is_cell, n = isinstance(space, CellSpace), space.n_positions
    positions = [f"p{number}" for number in (100 + rng.permutation(900)[:n]).tolist()]
    choices: list[list[Any]] = []  # new names in the old order
    orders = []  # old codes in the new order
    for p in space.positions[: 1 if is_cell else n]:
        order = np.arange(len(p.choices))
        if permuted:
            order = order[:: rng.choice([1, -1])] if p.ordered else rng.permutation(order)
        if p.scale:
            choices.append((p.places if order[0] == 0 else 1 - p.places).tolist())
        else:
            choices.append(
                [f"c{number}" for number in (100 + rng.permutation(900)[: len(order)]).tolist()]
            )
        orders.append(order)
    if is_cell:
        choices, orders = choices * n, orders * n
    columns = rng.permutation(n) if permuted and not is_cell else np.arange(n)
    codes = np.stack([np.argsort(orders[i])[space.raw_codes[:, i]] for i in columns], axis=1)
    renamed = [[choices[i][code] for code in orders[i]] for i in range(n)]
    content = {**space.described(), "name": "disguised"}
    if isinstance(space, CellSpace):
        name_of = dict(zip(space.operations, choices[0], strict=True))
        content |= {
            "operations": renamed[0],
            "none": name_of.get(content["none"]),
            "skip": name_of.get(content["skip"]),
            "position_names": positions,
            "official_order": packed((codes @ space.place_values).astype(np.int32)),
        }
        return from_content(content)
    old = {p.name: i for i, p in enumerate(space.positions)}
    content["raw_codes"] = packed(codes.astype(space.raw_codes.dtype))
    content["positions"] = [
        [positions[i], renamed[i], p.ordered, *[p.scale and "linear"] * bool(p.scale)]
        for i, p in ((i, space.positions[i]) for i in columns)
    ]
    content["conditions"] = {
        positions[old[name]]: {
            positions[j]: [choices[j][space.positions[j].code(choice)] for choice in of]
            for j, of in ((old[other], of) for other, of in needed.items())
        }
        for name, needed in space.conditions.given.items()
    }
    return from_content(content)
