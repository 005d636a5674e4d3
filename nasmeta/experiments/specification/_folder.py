"""The folder of a specification: what it keeps beside journals and results."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.errors import JournalError
from nasmeta.experiments._folder import ComparisonFolder
from nasmeta.experiments.specification._picks import picks_of
from nasmeta.experiments.specification._provenance import provenance_of
from nasmeta.experiments.specification._specification import Specification
from nasmeta.places import read_whole

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SpecifiedFolder"]


class SpecifiedFolder(ComparisonFolder):
    """A comparison's folder with ``specification.toml``, ``provenance.json`` and ``picks.csv``.

    The first two are there from the start, so that a run that was killed keeps them.

    Parameters
    ----------
    path : Path
    specification : Specification
    journals : bool, default True
    """

    def __init__(self, path: Path, specification: Specification, *, journals: bool = True) -> None:
        super().__init__(path, journals=journals)
        self._specification = specification

    def begin(self) -> None:
        """Write the specification and where its results come from; who worked here before stays listed."""
        provenance = self._with_earlier(provenance_of(self._specification))
        self.write("specification.toml", self._specification.text.encode())
        self.write("provenance.json", json.dumps(provenance, indent=2, ensure_ascii=False).encode() + b"\n")
        if not self._specification.report:
            with suppress(FileNotFoundError):
                (self.path / "picks.csv").unlink()

    def end(self, frame: pd.DataFrame) -> None:
        """Write what the runs picked."""
        if self._specification.report:
            self.write("picks.csv", picks_of(frame, self._specification).to_csv(index=False).encode())

    def _with_earlier(self, provenance: dict[str, Any]) -> dict[str, Any]:
        """Add what the file says of other versions, data and texts of the specification, oldest first."""
        path = self.path / "provenance.json"
        try:
            there = json.loads(read_whole(path))
            earlier = [*there.pop("earlier", []), there]
        except FileNotFoundError:
            return provenance
        except (ValueError, AttributeError, TypeError) as reason:
            raise JournalError(
                f"{path} is damaged: {reason}. It says which versions worked here: restore it, delete it, or use "
                "another folder."
            ) from None
        now = json.loads(json.dumps(provenance))
        others = [one for one in earlier if one != now]
        return provenance | {"earlier": others} if others else provenance
