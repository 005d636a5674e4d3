"""Croissant descriptions of tables and of published files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasmeta.cards import dataset_card, local_file_card, records_card
from nasmeta.experiments import read_published
from nasmeta.tables import table_card

_FIELDS = {"seed": "Integer", "stopped": "Text", "architectures": "Integer"}


def card(name: str) -> dict[str, Any]:
    """Return the Croissant description of a table, a source or a published file, in JSON-LD.

    It contains the facts of the catalogue, the columns with their units, and the files with their
    checksums.

    Parameters
    ----------
    name : str
        Name of a table or source, see `nasmeta.tables.list_sources`, or path of a published file.

    Raises
    ------
    UnknownNameError
        If there is no table, source or file of this name.
    DamagedFileError
        If the file is not a published file.

    Examples
    --------
    >>> from nasmeta.publishing import card
    >>> card("nb201")["recordSet"][0]["field"][0]["name"]
    'cifar10/accuracy/valid/200/mean'
    """
    path = Path(name)
    if not path.is_file():
        return table_card(name)
    content = read_published(path)
    fields = {
        name: (kind, {"jsonPath": f"$.pairs[*].runs[*].{name}"}, "of each run")
        for name, kind in _FIELDS.items()
    }
    return dataset_card(
        name=content["title"],
        description=f"Runs of {', '.join(content['summary'])}. `nasmeta audit` recomputes the values.",
        creator={"@type": "sc:Person", "name": content.get("author", "")},
        distribution=[local_file_card(path.name, path)],
        recordSet=[records_card("runs", path.name, fields)],
    )
