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

_MOST_CLAUSES = 1_000  # sampling becomes slow with more
_MOST_CHOICES = 10_000  # of an integer


def _load() -> ModuleType:
    """Import ConfigSpace."""
    with needing("A space for ConfigSpace", "smac"):
        import ConfigSpace
    library: ModuleType = ConfigSpace
    return library


class ConfigSpaceForms:
    """Conversions of search spaces from and to ConfigSpace."""

    @classmethod
    def from_configspace(cls, configspace: ConfigurationSpace, name: str | None = None) -> SearchSpace:
        """Make a space of a finite ConfigSpace space, without forbidden combinations.

        Parameters
        ----------
        configspace : ConfigSpace.ConfigurationSpace
            With categorical, ordinal, constant and uniform integer parameters (of at most 10,000 values), without
            conditions. Ordinal and integer parameters become ordered positions.
        name : str, optional
            By default the name of the ConfigSpace space.

        Returns
        -------
        SearchSpace

        Raises
        ------
        SettingError
            If a parameter is continuous, there is a condition, or every combination is forbidden.
        MissingPackageError
            If ConfigSpace is not installed.

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
            raise SettingError("number of conditions", len(configspace.conditions), "0", "Forbid combinations instead.")
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
        return kind(name, positions, architectures=everything.codes[~forbidden])

    def to_configspace(self, *, forbid: bool = True) -> ConfigurationSpace:
        """Return the space as a ConfigSpace space of categorical and, for ordered positions, ordinal parameters.

        Parameters
        ----------
        forbid : bool, default True
            Forbid each combination that is not an architecture; at most 1,000.

        Returns
        -------
        ConfigSpace.ConfigurationSpace
            ``space.index_of(dict(configuration))`` is the architecture of a configuration.

        Raises
        ------
        SettingError
            If there are too many combinations to forbid.
        MissingPackageError
            If ConfigSpace is not installed.

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
            raise SettingError("combinations to forbid", missing, f"at most {_MOST_CLAUSES}", "Or pass forbid=False.")
        known = space.raw_codes.astype(np.int64) @ space.place_values
        for rank in np.setdiff1d(np.arange(space.n_combinations), known):
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
    raise SettingError(f"parameter {parameter.name}", parameter, f"at most {_MOST_CHOICES:,} choices")
