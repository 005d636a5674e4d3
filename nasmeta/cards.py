"""Croissant descriptions of datasets (mlcommons.org/croissant/1.0), in JSON-LD."""

from __future__ import annotations

import json
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from nasmeta.arrays import Facts
from nasmeta.files import sha256_of

_HEAD = """{
    "@context": {
        "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"}, "examples": {"@id": "cr:examples", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "citeAs": "cr:citeAs", "column": "cr:column",
        "equivalentProperty": "cr:equivalentProperty", "extract": "cr:extract", "field": "cr:field",
        "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet",
        "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset",
        "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField",
        "path": "cr:path", "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex",
        "repeated": "cr:repeated", "replace": "cr:replace", "samplingRate": "cr:samplingRate",
        "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform"
    },
    "@type": "sc:Dataset",
    "conformsTo": "http://mlcommons.org/croissant/1.0"
}"""


def dataset_card(**facts: Any) -> dict[str, Any]:
    """Return the description of a dataset; empty facts are omitted.

    >>> dataset_card(name="pets", license="")["name"]
    'pets'
    """
    return {**json.loads(_HEAD), **{name: fact for name, fact in facts.items() if fact}}


def file_card(name: str, address: str, n_bytes: int, sha256: str) -> dict[str, Any]:
    """Return the description of a file; its MIME type follows from its name."""
    kind = "application/vnd.apache.arrow.file" if name.endswith(".arrow") else guess_type(name)[0]
    facts = {"contentUrl": address, "contentSize": f"{n_bytes} B", "sha256": sha256}
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "encodingFormat": kind or "application/octet-stream",
        **facts,
    }


def local_file_card(name: str, path: Path) -> dict[str, Any]:
    """Return the description of a file on this machine, whose address is its relative name."""
    return file_card(name, name, path.stat().st_size, sha256_of(path))


def records_card(name: str, file: str, fields: Facts) -> dict[str, Any]:
    """Return the description of records in a file, from the type, the place and the description of each field."""
    described = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{field}",
            "name": field,
            "dataType": f"sc:{kind}",
            "description": text,
        }
        | {"source": {"fileObject": {"@id": file}, "extract": place}}
        for field, (kind, place, text) in fields.items()
    ]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": described}
