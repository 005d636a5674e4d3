"""Search spaces as ConfigSpace spaces, and back."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nasmeta.errors import SettingError, needing
from nasmeta.spaces._positions import Position

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

    from nasmeta.spaces._search_space import SearchSpace

_MOST_CLAUSES = 1_000  # sampling of ConfigSpace, and of what uses it, becomes slow with more
_MOST_CHOICES = 10_000  # of an integer


def _load() -> ModuleType:
    """Import ConfigSpace, or say how to get it."""
    with needing("A space for ConfigSpace", "smac"):
        import ConfigSpace
    library: ModuleType = ConfigSpace
    return library


class ConfigSpaceForms:
    """What a search space has of ConfigSpace: one way in, and one out."""

    @classmethod
    def from_configspace(cls, configspace: ConfigurationSpace, name: str | None = None) -> SearchSpace:
        """Make a space of a finite ConfigSpace space, without what its clauses forbid.

        Parameters
        ----------
        configspace : ConfigSpace.ConfigurationSpace
            Of categorical, ordinal, constant and uniform integer parameters (the latter of at most 10,000 values),
            without conditions. Ordinal and integer parameters become ordered positions.
        name : str, optional
            That of the ConfigSpace space where left out.

        Returns
        -------
        SearchSpace

        Raises
        ------
        SettingError
            Where a parameter has no list of choices, there is a condition, or everything is forbidden.
        NasmetaError
            Where ConfigSpace is not installed (extra ``smac``).

        Examples
        --------
        >>> from nasmeta.spaces import SearchSpace
        >>> from ConfigSpace import ConfigurationSpace
        >>> given = ConfigurationSpace({"width": (16, 19), "act": ["relu", "tanh"]})
        >>> SearchSpace.from_configspace(given, "mine").size
        8
        """
        library, kind = _load(), cast("type[SearchSpace]", cls)
        if configspace.conditions:
            raise SettingError(
                f"The space has the condition {str(configspace.conditions[0])!r}, but each architecture has a choice "
                "for every position: give the inactive parameter a choice of its own, and forbid the others."
            )
        name = name or configspace.name or "configspace"
        parameters = list(configspace.values())
        positions = [_position(parameter, library) for parameter in parameters]
        everything = kind(name, positions)
        if not configspace.forbidden_clauses:
            return everything
        vectors = np.empty((len(parameters), everything.size))
        for parameter, position, codes in zip(parameters, positions, everything.codes.T, strict=True):
            row = list(configspace).index(parameter.name)
            vectors[row] = np.array([parameter.to_vector(choice) for choice in position.choices], float)[codes]
        forbidden = np.zeros(everything.size, dtype=bool)
        for clause in configspace.forbidden_clauses:
            forbidden |= np.asarray(clause.is_forbidden_vector_array(vectors), dtype=bool)
        if forbidden.all():
            raise SettingError(f"{name} has no architecture: its clauses forbid every combination.")
        return kind(name, positions, architectures=everything.codes[~forbidden])

    def to_configspace(self, *, forbid: bool = True) -> ConfigurationSpace:
        """Return the space as ConfigSpace knows it: a categorical parameter a position, an ordinal one of an ordered.

        Parameters
        ----------
        forbid : bool, default True
            Whether each combination that is no architecture becomes a forbidden clause; of at most 1,000.

        Returns
        -------
        ConfigSpace.ConfigurationSpace
            ``space.index_of(dict(configuration))`` is the architecture of a configuration.

        Raises
        ------
        SettingError
            Where there are too many combinations to forbid.
        NasmetaError
            Where ConfigSpace is not installed (extra ``smac``).

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> len(get_space("nb201").to_configspace())
        6
        """
        library, space = _load(), cast("SearchSpace", self)
        made = library.ConfigurationSpace(name=space.name)
        made.add(
            [
                library.OrdinalHyperparameter(p.name, list(p.choices))
                if p.ordered and len(p.choices) > 1
                else library.CategoricalHyperparameter(p.name, list(p.choices))
                for p in space.positions
            ]
        )
        missing = space.n_combinations - len(space.raw_codes)
        if not forbid or not missing:
            return made
        if missing > _MOST_CLAUSES:
            raise SettingError(
                f"{space.name} lacks {missing:,} of {space.n_combinations:,} combinations, but at most "
                f"{_MOST_CLAUSES:,} become forbidden clauses: pass forbid=False, and look up with space.index_of what "
                "is an architecture."
            )
        there = np.zeros(space.n_combinations, dtype=bool)
        there[space.raw_codes.astype(np.int64) @ space.place_values] = True
        for rank in np.flatnonzero(~there):
            codes = rank // space.place_values % np.array(space.n_choices)
            equal = [
                library.ForbiddenEqualsClause(made[p.name], p.choices[code])
                for p, code in zip(space.positions, codes, strict=True)
            ]
            made.add(equal[0] if len(equal) == 1 else library.ForbiddenAndConjunction(*equal))
        return made


def _position(parameter: Any, library: ModuleType) -> Position:
    """Return the position of a finite parameter."""
    if isinstance(parameter, library.CategoricalHyperparameter):
        return Position(parameter.name, tuple(parameter.choices))
    if isinstance(parameter, library.OrdinalHyperparameter):
        return Position(parameter.name, tuple(parameter.sequence), ordered=True)
    if isinstance(parameter, library.Constant):
        return Position(parameter.name, (parameter.value,))
    if isinstance(parameter, library.UniformIntegerHyperparameter):
        low, high = int(parameter.lower), int(parameter.upper)
        if high - low < _MOST_CHOICES:
            return Position(parameter.name, tuple(range(low, high + 1)), ordered=True)
    raise SettingError(
        f"{parameter.name} is a {type(parameter).__name__} that has no short list of choices. Possible: categorical, "
        f"ordinal, constant, and uniform integer parameters of at most {_MOST_CHOICES:,} values."
    )
