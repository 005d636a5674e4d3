"""The page of a verification."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from nasmeta.arrays import Facts
from nasmeta.pages import Section, number_or_dash, spread, write_markdown
from nasmeta.verification._figures import measured_split, plot_training_curves, plot_verification

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 20  # cells in the table


def write_verification_page(
    architectures: pd.DataFrame,
    epochs: pd.DataFrame,
    facts: Facts,
    folder: Path,
    command: str | None,
    note: str,
) -> list[Path]:
    """Write ``README.md``, which is returned first, and its figures: agreement and training curves.

    A `note` about the data follows the facts; the page states the `command` that wrote it.
    """
    titles = {"agreement": "Look-up and training", "curves": "Training curves"}
    figures: dict[str, Callable[[], Figure]] = {}
    if architectures["trained"].notna().any():
        figures["agreement"] = partial(plot_verification, architectures, facts)
    if len(epochs):
        figures["curves"] = partial(plot_training_curves, epochs)
    writer = facts["written_by"]
    if command:
        writer = f"`{command}` with {writer}"
    bars = (
        "In the first figure, bars show the range of the table's seeds "
        "and ± one standard deviation of the trainings."
    )
    searchers = ", ".join(facts["searchers"])
    sections = [
        Section(text="\n\n".join(_about(facts))),
        Section(text=note),
        _accuracies(architectures, facts),
    ]
    for name in figures:
        sections.append(Section(titles[name], figures={name: titles[name]}))
    sections.append(Section(text=f"{bars}\n\nWritten by {writer}."))
    title = f"Are the picks of {searchers} on {facts['task']} better after real training on {facts['data']}?"
    return write_markdown(folder / "README.md", title, sections, figures=figures)


def _about(facts: Facts) -> Iterator[str]:
    """Yield the paragraphs before the table."""
    separation = facts.get("separation")
    if separation:
        yield (
            f"The probability that training places a pick above a random control is {separation['chance']:.3f} (95 % "
            f"interval {separation['low']:.2f} to {separation['high']:.2f}, of {separation['picks']} × "
            f"{separation['random']} pairs of cells, ties half; Newcombe's method 5), and "
            f"{separation['table_chance']:.3f} by the look-up."
        )
    searchers = ", ".join(facts["searchers"])
    seeds = ", ".join(map(str, facts["seeds"]))
    yield (
        f"{searchers} evaluated {facts['evaluated']:,} cells on {facts['task']} (evaluator: {facts['searched_on']}). "
        f"The best {facts['top']} and the other cells below were trained here (seeds: {seeds})."
    )
    recipe = facts["recipe"]
    lookup = facts["lookup"]
    size = "×".join(map(str, facts["image_size"]))
    images = "{train:,} / {valid:,} / {test:,} images".format(**facts["images"])
    yield (
        f"* Data: {facts['data']}, {size} pixels, {images} to train / validate / test. Checksums: "
        f"images {facts['data_sha256'][:12]}, splits {facts['split_sha256'][:12]}.\n"
        f"* Recipe: {recipe['name']}: {recipe['epochs']} epochs, batch {recipe['batch_size']}, learning rate "
        f"{recipe['learning_rate']:g} ({recipe['schedule']}), C = {recipe['channels']}, "
        f"N = {recipe['cells_per_stage']}, {recipe['precision']}.\n"
        f"* Look-up: {lookup['address']} (dataset/metric/split/epochs/seed), {lookup['release']}."
    )


def _accuracies(architectures: pd.DataFrame, facts: Facts) -> Section:
    """Return the section with the table of cells, and sentences about the agreement."""
    bounds = architectures[["lookup", "lookup_low", "lookup_high"]].to_numpy(float)
    means = architectures[["trained", "trained_std"]].to_numpy(float)
    lookups = ["{} [{}, {}]".format(*map(number_or_dash, row)) for row in bounds]
    roles = {"random": "random control", "worst": "worst evaluated"}
    shown = architectures.assign(
        cell=architectures["cell"].astype(str),
        lookup=lookups,
        trained=[spread(*row) for row in means],
        role=architectures["role"].replace(roles),
        in_band=architectures["in_band"].map({True: "yes", False: "no"}).fillna("–"),
    )
    headers = {
        "lookup": "look-up [seeds' range]",
        "trained": f"trained here, {measured_split(facts)}",
        "trained_test": "trained here, test",
        "allowed": "allowed ±",
    }
    if "predicted" in architectures:
        headers["lookup"] = "measured, look-up [seeds' range]"
    names = ["cell", "role", "predicted", "lookup", "trained", "trained_test"]
    if not facts["lookup"]["not_comparable"]:
        names += ["trainings", "difference", "allowed", "in_band"]
    if (architectures["failures"] != "").any():
        names.append("failures")
    decimals = dict.fromkeys(["predicted", "trained_test", "difference", "allowed"], 2)
    notes = []
    if len(architectures) > _SHOWN:
        notes.append(f"The first {_SHOWN} of {len(architectures)} cells; `cells.csv` has all.")
    notes.append(_agreement(architectures, facts))
    if facts["spearman"] is not None:
        notes.append(
            f"Rank correlation of look-up and training over {facts['cells']} cells: Spearman {facts['spearman']:.3f}, "
            f"Kendall τ-b {facts['kendall']:.3f}."
        )
    return Section(
        "Accuracies in percent",
        table=shown.filter(names)[:_SHOWN],
        headers=headers,
        decimals=decimals,
        note="\n\n".join(notes),
    )


def _agreement(architectures: pd.DataFrame, facts: Facts) -> str:
    """State how many means of trainings agree with the look-up."""
    lookup = facts["lookup"]
    judged = architectures["in_band"].dropna()
    if architectures["trained"].isna().all():
        return "No training succeeded, so nothing is verified."
    if lookup["not_comparable"]:
        return f"Only the order can be compared with the look-up: {lookup['not_comparable']}."
    if judged.empty:
        return "There is no band: neither the table nor the trainings here have several seeds."
    source = "of the trainings here, pooled over the cells; the table is treated as one training"
    if lookup["has_seeds"]:
        source = "of the 500 cells of the table with the most similar accuracy"
    difference = architectures["difference"].abs().mean()
    return (
        f"In the band: {judged.sum()} of {len(judged)}. The band is ± 2 s √(1/table seeds + 1/trainings); s is the "
        f"standard deviation between seeds {source}. Mean absolute difference: {difference:.2f} points."
    )
