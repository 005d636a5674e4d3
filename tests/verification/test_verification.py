"""Verification: which cells are trained, what the table says about them, and the page."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import (
    JournalError,
    NasmetaError,
    SettingError,
    TrainingFailed,
    UnknownNameError,
)
from nasmeta.journals import JournalFile
from nasmeta.runs import Journal
from nasmeta.training import EpochRecord, ImageDataset, Recipe, Trainer, TrainingResult
from nasmeta.verification import Verification, verify
from nasmeta.verification._chosen import choose, read_searches
from nasmeta.verification._frames import architectures_frame, chance_interval, separation_of
from nasmeta.verification._look_up import LookUp, _column_of, look_up
from nasmeta.verification.commands import _print

DIGITS = ImageDataset.load("digits")
FEW = DIGITS.subset(48)


def halved() -> ImageDataset:
    """Return few images in halves, which pass for CIFAR-10 with `small_counts`."""
    splits = {"train": np.arange(48), "valid": np.arange(48, 96), "test": np.arange(96, 144)}
    return replace(FEW, name="cifar10", splits=splits)


@pytest.fixture
def small_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the table be about images as few and as small as those here."""
    monkeypatch.setattr(
        "nasmeta.verification._look_up._OF_TABLES", {"cifar10": (8, 10, 48, 48, 48)}
    )


def as_large(
    name: str = "cifar10",
    counts: tuple[int, ...] = (25_000, 25_000, 10_000),
    size: int = 32,
    n_classes: int = 10,
) -> ImageDataset:
    """Return black images in the table's numbers, which take no memory."""
    positions = np.split(np.arange(sum(counts)), np.cumsum(counts)[:-1])
    return replace(
        DIGITS,
        name=name,
        images=np.broadcast_to(np.zeros(1, np.uint8), (sum(counts), 3, size, size)),
        labels=np.zeros(sum(counts), np.int64),
        classes=tuple(map(str, range(n_classes))),
        splits=dict(zip(("train", "valid", "test"), positions, strict=True)),
    )


@pytest.fixture
def failing() -> set[int]:
    """Return the cells whose training fails, none at first."""
    return set()


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, failing: set[int]) -> list[tuple]:
    """Let trainings take no time: half a point below the table, an even seed higher; return (cell, seed) of each."""
    values, calls = nm.get_task("nb201/cifar10").values, []

    def train(
        self: Trainer, architecture: int, seed: int = 0, folder: Path | None = None, **_: object
    ) -> TrainingResult:
        if folder.is_dir():
            return results[architecture, seed]
        folder.mkdir(parents=True)
        calls.append((architecture, seed))
        if architecture in failing:
            raise TrainingFailed("no", "diverged")
        accuracy = float(values[architecture]) - 0.5 + (0.1 if seed % 2 == 0 else -0.1)
        epochs = tuple(
            EpochRecord(n, 0.1, 2 / n, 50.0, 1.0, accuracy - 3 + n, 1.0, accuracy - 4 + n, 2.0)
            for n in (1, 2, 3)
        )
        results[architecture, seed] = TrainingResult(
            architecture,
            "nb201",
            "cifar10",
            {},
            seed,
            "cpu",
            epochs,
            6.0,
            0.5,
            "s",
            "d",
            7,
            1,
            "finished",
            {},
        )
        return results[architecture, seed]

    results = {}
    monkeypatch.setattr(Trainer, "train", train)
    return calls


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    nm.search("evolution", "nb201/cifar10", evaluations=60, journal=path)
    return path


def test_picks_are_the_best_and_no_two_cells_are_isomorphic(journal: Path) -> None:
    searches = read_searches([journal])
    run = nm.search("evolution", "nb201/cifar10", evaluations=60)
    chosen = choose(searches, top=4, controls=30, worst=2, seed=5)
    assert [entry.role for entry in chosen] == ["pick"] * 4 + ["random"] * 30 + ["worst"] * 2
    assert chosen[0].cell == run.best.architecture
    assert chosen[0].searched_value == run.best.value
    space = nm.get_space("nb201")
    classes = space.canonical([entry.cell for entry in chosen])
    assert len(np.unique(classes)) == 36
    better = run.architectures[run.values > chosen[3].searched_value]
    assert len(better) >= 3
    assert set(space.canonical(better)) <= set(classes[:4])
    assert chosen[-2].searched_value == run.values.min()
    assert choose(searches, 4, 30, 2, seed=5) == chosen
    assert choose(searches, 4, 30, 2, seed=6)[4:34] != chosen[4:34]


def test_several_runs_are_one_set_of_cells(journal: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    nm.search("random", "nb201/cifar10", evaluations=60, journal=other)
    both = read_searches([journal, other])
    assert both.searchers == ("evolution", "random")
    assert set(both.values) == set(read_searches([journal]).values) | set(
        read_searches([other]).values
    )
    elsewhere = tmp_path / "elsewhere.jsonl"
    nm.search("random", "nb201/cifar100", evaluations=5, journal=elsewhere)
    with pytest.raises(SettingError):
        read_searches([journal, elsewhere])


def write_journal(path: Path, header: dict, *rows: list[Any]) -> None:
    class Written(JournalFile):
        mark = Journal.mark

    with Written(path, header) as journal:
        for row in rows:
            journal.add(json.dumps(row)[1:-1])


def test_short_trainings_are_no_picks(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    header = {"task": "nb201/cifar10", "column": "digits/accuracy/valid/6/0", "clock": {}}
    lasted = [(5, 2, 90.0), (7, 2, 80.0), (9, 2, 70.0), (7, 6, 60.0)]
    clock = {"start": 0.0, "worker": 0}
    records = [
        [architecture, value, 1.0, clock | {"epochs": epochs}]
        for architecture, epochs, value in lasted
    ]
    records.append([11, 0.0, 1.0, clock | {"epochs": 6, "failure": "diverged"}])
    write_journal(path, header, *records)
    searches = read_searches([path])
    assert searches.values == {7: 60.0}
    assert [entry.cell for entry in choose(searches, 2, 0)] == [7]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))
    with pytest.raises(JournalError):
        read_searches([path])


@pytest.mark.parametrize(
    ("task", "rows", "error"),
    [
        ("nb201/cifar10", [], JournalError),
        ("nb201/cifar10", [[5, 0.0, 1.0, {"failure": "diverged"}]], JournalError),
        ("mine", [[5, 6.0, 1.0]], UnknownNameError),
        ("nb201/latency/eyeriss", [[5, 6.0, 1.0]], SettingError),
    ],
)
def test_journals_without_picks_are_refused(
    task: str, rows: list[Any], error: type[NasmetaError], tmp_path: Path
) -> None:
    write_journal(tmp_path / "some.jsonl", {"task": task}, *rows)
    with pytest.raises(error):
        read_searches([tmp_path / "some.jsonl"])


def test_the_look_up_is_the_tables_and_its_spread_that_of_many_seeds() -> None:
    task, table = nm.get_task("nb201/cifar10"), nm.load_table("nb201")
    architectures = [6111, 0, 11759]
    outcome = look_up(task, architectures, as_large(), Recipe.load("nb201-200"))
    assert outcome.not_comparable == ""
    np.testing.assert_array_equal(outcome.values, task.values[architectures])
    for i, architecture in enumerate(architectures):
        seeds = table.available_seeds(
            architecture, dataset="cifar10", metric="accuracy", split="valid", epochs=200
        )
        single = [
            table.query(
                architecture,
                dataset="cifar10",
                metric="accuracy",
                split="valid",
                epochs=200,
                seed=s,
            )
            for s in seeds
        ]
        assert outcome.n_seeds[i] == len(single)
        assert (outcome.lowest[i], outcome.highest[i]) == pytest.approx(
            (min(single), max(single)), abs=1e-4
        )
    assert 0.1 < outcome.deviations[0] < 0.3  # ANCHORS: about 0.19 among the best cells
    assert outcome.deviations[0] < outcome.deviations[1]


@pytest.mark.parametrize(
    ("dataset", "recipe", "words"),
    [
        (DIGITS, Recipe.load("nb201-200"), "dataset is digits"),
        (as_large(), Recipe.load("fast"), "8 epochs"),
        (as_large(), Recipe.load("nb201-200", learning_rate=0.2), "learning_rate"),
        (as_large(size=16), Recipe.load("nb201-200"), "these data have 16×16"),
        (as_large(n_classes=100), Recipe.load("nb201-200"), "100 classes"),
        (
            as_large(counts=(45_000, 5_000, 10_000)),
            Recipe.load("nb201-200"),
            "45,000 / 5,000 / 10,000 images",
        ),
        (as_large(), Recipe.load("nb201-200", precision="bfloat16", channels_last=True), ""),
    ],
)
def test_what_can_be_compared_with_the_table(
    dataset: ImageDataset, recipe: Any, words: str
) -> None:
    outcome = look_up(nm.get_task("nb201/cifar10"), [6111], dataset, recipe)
    assert words in outcome.not_comparable
    assert bool(words) == bool(outcome.not_comparable)


def checked(journal: Path, folder: Path, **changes: Any) -> Any:
    asked = {
        "data": halved(),
        "recipe": "nb201-200",
        "top": 2,
        "controls": 2,
        "seeds": 2,
        "page": False,
    } | changes
    return verify([journal], folder=folder, **asked)


@pytest.mark.usefixtures("small_counts")
def test_verification_and_its_page(trained: list[Any], journal: Path, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    outcome = checked(journal, folder)
    architectures = outcome.architectures
    assert len(trained) == 8
    np.testing.assert_allclose(architectures["trained"], architectures["lookup"] - 0.5)
    np.testing.assert_allclose(architectures["trained_std"], np.sqrt(2) * 0.1)
    np.testing.assert_allclose(architectures["difference"], -0.5)
    allowed = 2 * architectures["lookup_std"] * np.sqrt(1 / architectures["lookup_seeds"] + 1 / 2)
    np.testing.assert_allclose(architectures["allowed"].astype(float), allowed)
    assert architectures["in_band"].tolist() == (allowed >= 0.5).tolist()
    assert outcome.facts["spearman"] == pytest.approx(1)
    assert len(outcome.epochs) == 8 * 3

    assert outcome.files == ()
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        "cells.csv",
        "epochs.csv",
        "facts.json",
    ]

    again = checked(journal, folder, top=3, seeds=3)  # goes on: only what is new is trained
    assert len(trained) == len(set(trained)) == 15
    assert len(again.architectures) == 5

    pages = outcome.write(folder, note="a note")
    text = pages[0].read_text(encoding="utf-8")
    for picture in pages[1::2]:  # as PNG; the others are SVG
        assert f"]({picture.name})" in text
        assert picture.stat().st_size > 10_000
    best = architectures.iloc[0]
    assert f"| {best['cell']} | pick | {best['lookup']:.2f} [" in text
    assert f"| {best['lookup'] - 0.5:.2f} ± 0.14 |" in text
    assert f"In the band: {int(architectures['in_band'].sum())} of 4" in text
    assert "Spearman 1.000" in text
    assert text.count("above a random control is 1.000 (95 % interval 0.") == 1
    assert "\na note\n" in text
    assert "Mean absolute difference: 0.50 points" in text


def test_the_figure_has_every_cell_with_its_bars() -> None:
    look_up = np.array([90.0, 91.0, 92.0, 90.5, 91.5, 10.0])
    architectures = pd.DataFrame(
        {"role": ["pick"] * 3 + ["random"] * 3, "lookup": look_up, "trained": look_up - 20}
    )
    architectures = architectures.assign(
        lookup_low=look_up - 1, lookup_high=look_up + 3, trained_std=2.0
    )
    facts = {
        "lookup": {"not_comparable": "", "address": "cifar10/accuracy"},
        "measured_split": "valid",
    }
    axes = Verification(architectures, pd.DataFrame(), facts).plot().axes[0]
    low, high = axes.get_xlim()
    assert 80 < low < 89 < 95 < high
    assert axes.get_ylim()[0] < 68
    assert axes.get_ylim()[1] > 74
    (outside,) = [line for line in axes.lines if line.get_label() == "random control, 1 outside"]
    assert outside.get_xydata().tolist() == [[low, axes.get_ylim()[0]]]


def test_separation_is_what_one_counts_by_hand() -> None:
    architectures = pd.DataFrame(
        {
            "role": ["pick"] * 2 + ["random"] * 4 + ["worst", "pick"],
            "lookup": [9.0, 8.0, 1.0, 2.0, 3.0, 8.5, 0.0, 9.0],
            "trained": [5.0, 3.0, 1.0, 3.0, 2.0, 4.0, 9.0, np.nan],
        }
    )
    outcome = separation_of(architectures)
    assert (outcome["picks"], outcome["random"]) == (2, 4)  # a failed training is none
    assert outcome["chance"] == (4 + 2 + 0.5) / 8
    assert outcome["table_chance"] == (4 + 3) / 8
    assert 0 < outcome["low"] < outcome["chance"] < outcome["high"] < 1
    assert separation_of(architectures[architectures["role"] != "pick"]) is None


@pytest.mark.parametrize("shift", [0.0, 1.5, 2.5])
def test_the_interval_of_a_chance_covers_it(shift: float) -> None:
    from scipy.stats import norm

    true, rng, covered = norm.cdf(shift / np.sqrt(2)), np.random.default_rng(0), 0
    for _ in range(400):
        first, second = rng.normal(shift, 1, 10), rng.normal(0, 1, 24)
        low, high = chance_interval(float((first[:, None] > second).mean()), 10, 24)
        covered += low <= true <= high
    assert 0.92 <= covered / 400 <= 0.99
    assert chance_interval(0.0, 10, 24)[0] == 0
    assert chance_interval(0.3, 10, 24) == pytest.approx(
        [1 - end for end in chance_interval(0.7, 10, 24)[::-1]]
    )


def test_a_table_without_seeds_has_no_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasmeta.tables.Table.of_seeds", lambda table, info: {})
    lookup = look_up(nm.get_task("nb201/cifar10"), [6111, 0], as_large(), Recipe.load("nb201-200"))
    assert lookup.n_seeds.tolist() == [0, 0]
    np.testing.assert_array_equal(lookup.lowest, lookup.values)
    assert np.isnan(lookup.deviations).all()


def test_the_pooled_deviation_of_trainings_is_weighted_by_their_number(journal: Path) -> None:
    searches = read_searches([journal])
    chosen = [entry for entry in choose(searches, 2, 0) if entry.role == "pick"]
    unknown = np.full(2, np.nan)
    column = searches.task.column
    outcome = LookUp(column, np.full(2, 90.0), unknown, unknown, np.zeros(2, np.int64), unknown, "")
    accuracies = [[90.0, 91.0, 92.0, 93.0], [80.0, 84.0]]
    results = {
        entry.cell: [
            SimpleNamespace(
                cell=entry.cell, test_accuracy=a, valid_accuracy=a, parameters=1, train_seconds=1.0
            )
            for a in of_cell
        ]
        for entry, of_cell in zip(chosen, accuracies, strict=True)
    }
    architectures = architectures_frame(chosen, searches, outcome, results, {})
    pooled = np.sqrt((3 * np.var(accuracies[0], ddof=1) + np.var(accuracies[1], ddof=1)) / 4)
    np.testing.assert_allclose(
        architectures["allowed"], 2 * pooled * np.sqrt(1 + 1 / np.array([4, 2]))
    )


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("shard", [[], ["--shard", "0/2"]])
def test_where_all_trainings_fail_nothing_is_verified(
    shard: list[str],
    failing: set[int],
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nasmeta.pages._sections.save_figure", lambda _, path, *__: [path])
    failing |= {entry.cell for entry in choose(read_searches([journal]), 2, 1)}
    command = [
        "verify",
        str(journal),
        "--data",
        "digits",
        "--top",
        "2",
        "--controls",
        "1",
        "--folder",
        str(tmp_path),
    ]
    result = CliRunner().invoke(app, [*command, *shard])
    assert result.exit_code == 1, result.output
    assert "Error: No training succeeded: diverged" in result.stderr
    if not shard:
        assert f"Written:\n  {tmp_path / 'README.md'}\n" in result.stdout
        page = (tmp_path / "README.md").read_text(encoding="utf-8")
        assert "No training succeeded, so nothing is verified." in page
        for empty in ("nothing,", "nan", "## Costs", "Mean absolute"):
            assert empty not in page


@pytest.mark.slow
def test_the_demonstration(trained: list[Any], tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    result = CliRunner().invoke(
        app, ["verify", "--demo", "--folder", str(folder)], env={"COLUMNS": "100"}
    )
    assert result.exit_code == 0, result.output
    assert "look-up: cifar10/accuracy/valid/200/mean, NATS-tss v1.0" in result.stdout
    assert len((folder / "run.jsonl").read_text().splitlines()) == 61
    assert len(trained) == 10
    architectures = pd.read_csv(folder / "cells.csv")
    assert architectures["role"].tolist() == ["pick", "pick", "random", "random", "worst"]
    assert "nasmeta verify --demo" in (folder / "README.md").read_text(encoding="utf-8")
    assert json.loads((folder / "facts.json").read_text())["recipe"]["name"] == "tiny"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--data", "digits"],
        ["{journal}"],
        ["{journal}", "--data", "digits", "--folder", "{journal}"],
    ],
)
def test_the_command_refuses_in_one_line(
    arguments: list[str], journal: Path, tmp_path: Path
) -> None:
    arguments = [argument.format(journal=journal) for argument in arguments]
    if "--folder" not in arguments:
        arguments += ["--folder", str(tmp_path / "page")]
    result = CliRunner().invoke(app, ["verify", *arguments])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "page").exists()


def test_a_real_training_from_the_journal_to_the_page(journal: Path, tmp_path: Path) -> None:
    recipe = Recipe.load("tiny", epochs=1, channels=4)
    common = {"top": 1, "controls": 1, "seeds": 1, "isolated": False, "device": "cpu"}

    def asked(**more: Any) -> Any:
        return verify([journal], FEW, recipe, folder=tmp_path / "page", **common, **more)

    outcome = asked()
    assert outcome.architectures["trained"].between(0, 100).all()
    assert (outcome.architectures["train_seconds"] > 0).all()
    names = ["README.md", "agreement.png", "agreement.svg", "curves.png", "curves.svg"]
    assert outcome.files == tuple(tmp_path / "page" / name for name in names)
    assert all(picture.stat().st_size > 10_000 for picture in outcome.files[1:])
    assert f"| {outcome.architectures['cell'][0]} | pick |" in outcome.files[0].read_text(
        encoding="utf-8"
    )
    assert "\nWritten by nasmeta" in outcome.files[0].read_text(encoding="utf-8")
    result = (
        tmp_path / "page" / "trainings" / f"{outcome.architectures['cell'][0]}-0" / "result.json"
    )
    written = result.stat().st_mtime_ns
    pd.testing.assert_frame_equal(asked(page=False).architectures, outcome.architectures)
    pd.testing.assert_frame_equal(asked(workers=1, page=False).architectures, outcome.architectures)
    assert result.stat().st_mtime_ns == written


def test_epochs_of_all_trainings_are_counted(
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr("nasmeta.progress._SECONDS_PER_LINE", 0.0)
    recipe = Recipe.load("tiny", epochs=2, channels=4)
    how = {"device": "cpu", "isolated": False, "page": False, "progress": True}
    verify([journal], FEW, recipe, folder=tmp_path, top=2, controls=0, seeds=1, **how)
    lines = capsys.readouterr().err.splitlines()
    counts = [re.match(r"epochs: (\d) of 4, (\d) of 2 trainings", line).groups() for line in lines]
    assert [*dict.fromkeys(counts)] == [
        ("1", "0"),
        ("2", "0"),
        ("2", "1"),
        ("3", "1"),
        ("4", "1"),
        ("4", "2"),
    ]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_parts_train_in_one_folder(workers: int, journal: Path, tmp_path: Path) -> None:
    recipe = Recipe.load("tiny", epochs=1, channels=4)
    sizes = {"top": 3, "controls": 2, "seeds": 2, "workers": workers}

    def asked(shard: str | None = None, folder: Path = tmp_path / "page") -> Any:
        options = {"isolated": False, "device": "cpu", "page": False}
        return verify([journal], FEW, recipe, folder=folder, shard=shard, **sizes, **options)

    def results() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (tmp_path / "page").rglob("result.json")}

    for i, n in enumerate([4, 3, 3]):
        before = results()
        part = asked(f"{i}/3")
        assert (
            part.architectures["trainings"].sum()
            == len(part.epochs)
            == len(results()) - len(before)
            == n
        )
        assert before.items() <= results().items()
        assert not (tmp_path / "page" / "cells.csv").exists()
    there = results()
    whole = asked()
    assert whole.architectures["trainings"].tolist() == [2] * 5
    assert results() == there  # nothing was trained again
    assert (tmp_path / "page" / "cells.csv").exists()
    assert asked("11/12").architectures["trainings"].sum() == 0  # more parts than trainings
    if workers == 1:
        alone = asked(folder=tmp_path / "alone")
        same = ["cell", "role", "trained", "trained_std", "trainings", "trained_test", "failures"]
        pd.testing.assert_frame_equal(whole.architectures[same], alone.architectures[same])


@pytest.mark.usefixtures("small_counts", "trained")
def test_each_kind_of_value_has_its_column(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "run.jsonl"
    run = nm.search(
        "evolution", "nb201/cifar10", evaluator="surrogate", evaluations=60, journal=path
    )
    outcome = checked(path, tmp_path / "page")
    architectures = outcome.architectures
    assert architectures["predicted"][0] == run.best.value
    np.testing.assert_allclose(architectures["trained"], architectures["lookup"] - 0.5)
    assert not {"searched_value", "measured"} & {*architectures}
    assert outcome.facts["searched_on"].startswith("surrogate nb201/cifar10 (R² ")
    text = outcome.write(tmp_path / "page")[0].read_text(encoding="utf-8")
    heading = (
        "| cell | role | predicted | measured, look-up [seeds' range] | trained here, validation "
        "| trained here, test |"
    )
    assert heading in text
    assert (
        f"| {run.best.architecture} | pick | {run.best.value:.2f} | {architectures['lookup'][0]:.2f} ["
        in text
    )
    assert "evaluator: surrogate nb201/cifar10 (R² " in text
    _print(outcome)
    assert "predicted" in capsys.readouterr().out


def test_values_of_the_search_s_release_are_looked_up_first() -> None:
    task = nm.get_task("nb201/cifar10")
    table = SimpleNamespace(columns=[replace(task.column, release="another"), task.column])
    assert _column_of(table, "cifar10", Recipe.load("nb201-200"), task) == task.column
