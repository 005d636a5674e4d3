"""The page of a verification: Markdown with pictures."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from nasmeta.analysis._plots import save_figure
from nasmeta.analysis._tables import number_or_dash, spread, to_markdown
from nasmeta.analysis._verification_plots import plot_agreement, plot_cells, plot_training_curves
from nasmeta.files import writing
from nasmeta.pictures import Width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DRAWN = 12  # cells; of more only picks are drawn
_ROLE_WORDS = {"pick": "pick", "random": "random control", "worst": "worst evaluated"}


def write_verification_page(
    cells: pd.DataFrame,
    epochs: pd.DataFrame,
    facts: Mapping[str, Any],
    folder: str | PathLike[str],
    command: str | None = None,
    note: str | None = None,
) -> list[Path]:
    """Write ``README.md``, which is returned first, and its pictures: agreement, training curves, cells as graphs.

    A note about the data follows the facts.
    """
    from nasmeta.tasks import get_task

    home = Path(folder)
    page = home / "README.md"
    pictures: list[tuple[str, str]] = []
    with writing(f"Cannot write to the folder {home}"):
        home.mkdir(parents=True, exist_ok=True)
        split = "validation" if facts["measured_split"] == "valid" else "test"
        if cells["measured"].notna().any():
            save_figure(plot_verification(cells, facts), home / "agreement")
            pictures.append(("Look-up and training", "agreement.png"))
        if len(epochs):
            save_figure(plot_training_curves(epochs), home / "curves")
            pictures.append(("Training curves", "curves.png"))
        drawn = cells if len(cells) <= _DRAWN else cells[cells["role"] == "pick"][:_DRAWN]
        titles = [f"{row['role']} {row['cell']}: {number_or_dash(row['measured'])} %" for row in _rows(drawn)]
        save_figure(plot_cells(drawn["cell"].tolist(), titles, get_task(facts["task"]).space), home / "cells")
        pictures.append(("Cells", "cells.png"))
        head = [*_head(facts), *([note, ""] if note else []), *_separation(facts.get("separation"))]
        text = "\n".join([*head, *_accuracies(cells, facts, split), *_costs(cells, facts)])
        for title, name in pictures:
            text += f"\n## {title}\n\n![{title}]({name})\n"
        text += _foot(facts, command)
        page.write_text(text, encoding="utf-8")
    return [page, *(home / name for _, name in pictures)]


def plot_verification(cells: pd.DataFrame, facts: Mapping[str, Any], width: Width = None) -> Figure:
    """Draw measured accuracies against the table, with the images in the labels of the axes."""
    split = "validation" if facts["measured_split"] == "valid" else "test"
    look_up = facts["lookup"]["address"].partition("/")[0]
    return plot_agreement(
        cells,
        f"table, {look_up}, validation accuracy (%)",
        f"trained here, {facts['data']}, {split} (%)",
        diagonal=not facts["lookup"]["not_comparable"],
        width=width,
    )


def _head(facts: Mapping[str, Any]) -> list[str]:
    recipe, images = facts["recipe"], facts["images"]
    size = "×".join(map(str, facts["image_size"]))
    return [
        "# Verification by real training",
        "",
        f"Of the {facts['evaluated']:,} cells that {', '.join(facts['searchers'])} evaluated on {facts['task']} "
        f"(answered by {facts['searched_on']}), the best {facts['top']} were trained here, beside the other cells "
        f"below, with the seed{'s' * (len(facts['seeds']) > 1)} {', '.join(map(str, facts['seeds']))}.",
        "",
        f"* Data: {facts['data']}, {size} pixels, "
        f"{' / '.join(f'{images[name]:,}' for name in ('train', 'valid', 'test'))} images to train / validate / test. "
        f"Checksums: images {facts['data_sha256'][:12]}, splits {facts['split_sha256'][:12]}.",
        f"* Recipe: {recipe['name']}: {recipe['epochs']} epochs, batch {recipe['batch_size']}, learning rate "
        f"{recipe['learning_rate']:g} ({recipe['schedule']}), C = {recipe['channels']}, "
        f"N = {recipe['cells_per_stage']}, {recipe['precision']}.",
        *(f"* Left out of the picks: {said}." for said in facts.get("left_out", ())),
        f"* Look-up: {facts['lookup']['address']} (dataset/metric/split/epochs/seed), {facts['lookup']['release']}.",
        "",
    ]


def _accuracies(cells: pd.DataFrame, facts: Mapping[str, Any], split: str) -> list[str]:
    why_not = facts["lookup"]["not_comparable"]
    shown = pd.DataFrame(
        {
            "cell": cells["cell"].astype(str),
            "role": [_ROLE_WORDS.get(role, role) for role in cells["role"]],
            "look-up [seeds' range]": [
                "{} [{}, {}]".format(*(number_or_dash(row[name]) for name in ("lookup", "lookup_low", "lookup_high")))
                for row in _rows(cells)
            ],
            f"trained, {split}": [spread(row["measured"], row["measured_std"]) for row in _rows(cells)],
            "trained, test": [number_or_dash(value) for value in cells["measured_test"]],
            "trainings": cells["trainings"],
            "difference": [number_or_dash(value, "+.2f") for value in cells["difference"]],
            "allowed": ["–" if value != value else f"± {value:.2f}" for value in cells["allowed"]],
            "in band": ["–" if value is None else "yes" if value else "no" for value in cells["in_band"]],
        }
    )
    if (cells["failures"] != "").any():
        shown["failed"] = cells["failures"]
    lines = ["## Accuracies in percent", "", to_markdown(shown)]
    if cells["measured"].isna().all():
        return [*lines, "No training succeeded, so nothing is verified.", ""]
    if why_not:
        lines += [
            f"Differences are left out, since training is not expected to reach the look-up: {why_not}. "
            "What can be compared is the order.",
            "",
        ]
    else:
        judged = [value for value in cells["in_band"] if value is not None]
        of = (
            "with s the standard deviation between seeds of the 500 cells of the table whose accuracy is nearest"
            if facts["lookup"]["has_seeds"]
            else "with s the standard deviation between seeds of the trainings here, pooled over the cells; the table "
            "gives no single seeds and is taken for one training"
        )
        lines += [
            f"In the band: {sum(map(bool, judged))} of {len(judged)}. "
            f"Allowed is 2 s √(1/table seeds + 1/trainings), {of}."
            if judged
            else "There is no band: neither the table nor the trainings here have several seeds.",
            "",
        ]
        known = cells["difference"].dropna()
        lines += [f"Mean absolute difference: {known.abs().mean():.2f} points over {len(known)} cells.", ""]
    if facts["spearman"] is not None:
        lines += [
            f"Rank correlation of look-up and training over {facts['cells']} cells: Spearman {facts['spearman']:.3f}, "
            f"Kendall τ-b {facts['kendall']:.3f}.",
            "",
        ]
    return lines


def _separation(found: Mapping[str, Any] | None) -> list[str]:
    """Describe how well training separates picks from random cells."""
    if found is None:
        return []
    alone = (
        ""
        if found["kendall_random"] is None or found["kendall_random_error"] is None
        else f" Over the random controls alone, Kendall τ-b is {found['kendall_random']:.2f} ± "
        f"{found['kendall_random_error']:.2f} (jackknife over cells)."
    )
    return [
        f"Training places a pick above a random control with a chance of {found['chance']:.3f} (95 % interval "
        f"{found['low']:.2f} to {found['high']:.2f}, of {found['picks']} × {found['random']} pairs of cells, ties "
        f"half; Newcombe's method 5); the look-up does with {found['table_chance']:.3f}.{alone}",
        "",
    ]


def _costs(cells: pd.DataFrame, facts: Mapping[str, Any]) -> list[str]:
    if cells["train_seconds"].isna().all():
        return []
    shown = pd.DataFrame(
        {
            "cell": cells["cell"].astype(str),
            "parameters": cells["parameters"],
            "seconds a training": cells["train_seconds"],
            "here, 1 image (ms)": cells["latency_1_ms"],
            "here, 256 images (ms)": cells["latency_256_ms"],
            "table, a batch (ms)": cells["table_latency_ms"],
        }
    )
    size = "×".join(map(str, facts["image_size"]))
    lines = [
        "## Costs",
        "",
        to_markdown(shown),
        f"Latency here: the median forward pass of the network of this recipe, dead edges left out, in float32 on "
        f"{', '.join(facts['latency_devices']) or 'nothing'}, for images of {size} pixels. In the table: as the "
        "benchmark's authors recorded it for their network and card.",
        "",
    ]
    if facts["latency_spearman"] is not None:
        lines[-2] += f" Spearman between 256 images here and the table: {facts['latency_spearman']:.3f}."
    return lines


def _foot(facts: Mapping[str, Any], command: str | None) -> str:
    by = f"Written by `{command}` with {facts['written_by']}." if command else f"Written by {facts['written_by']}."
    return (
        f"\nBars of the first picture: range of the table's seeds, ± one standard deviation of the trainings. Cells: "
        f"an edge that carries nothing to the output is dashed; `none` is not drawn.\n\n{by}\n"
        if facts["cells"]
        else f"\n{by}\n"
    )


def _rows(cells: pd.DataFrame) -> list[dict[Any, Any]]:
    return cells.to_dict("records")
