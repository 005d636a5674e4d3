"""``nasmeta publish``, ``audit`` and ``data card``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nasmeta.files import sha256_of
from nasmeta.publishing._audit import audit
from nasmeta.publishing._card import card
from nasmeta.publishing._publish import publish
from nasmeta.publishing._verdict import Audit
from nasmeta.terminal import options_from, print_facts, print_written


@options_from(publish)
def publish_command(folder: str, *, output: Path, **options: Any) -> dict[str, Any]:
    """Write a finished comparison to one small file that anyone can audit.

    Parameters
    ----------
    folder : path
        Folder of a finished comparison on tables.

    Examples
    --------
    nasmeta publish results --output results.json.gz --author "A. Author" --tuned-on nb201
    """
    file = publish(folder, output, **options)
    print_written([f"{file} ({file.stat().st_size / 1000:,.0f} kB)"])
    return {"file": file, "sha256": sha256_of(file)}


@options_from(audit)
def audit_command(file: str, **options: Any) -> Audit:
    """Check published results against the tables, and by repeating some runs.

    Parameters
    ----------
    file : path
        A file of nasmeta publish, or the folder of a finished comparison.
    level : int
        0: recompute values and summary from the tables; 1: also repeat some runs, whose proposals
        must be equal; 2: also test whether runs with fresh seeds have the same ranks.

    Examples
    --------
    nasmeta audit results.json.gz
    nasmeta audit results.json.gz --level 2 --seed 7
    """
    done = audit(file, **options)
    facts = {}
    for name, fact in vars(done).items():
        text = "; ".join(fact) if isinstance(fact, list) else str(fact)
        # The file's author could write further lines.
        facts[name] = "".join(filter(str.isprintable, text)) or "none"
    print_facts(facts)
    return done


def data_card_command(name: str) -> dict[str, Any]:
    """Print the Croissant description of a table, a source or a published file, in JSON-LD.

    Parameters
    ----------
    name : str
        Name of a table or source of nasmeta data list, or a file of nasmeta publish.

    Examples
    --------
    nasmeta data card nb201
    nasmeta data card results.json.gz
    """
    description = card(name)
    print(json.dumps(description, indent=1, ensure_ascii=False))
    return description
