"""Fitting, answering, keeping and scoring."""

import copy
import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

import nasmeta as nm
from nasmeta.errors import (
    ArchitectureError,
    DamagedFileError,
    LabelError,
    MissingValueError,
    SettingError,
    UnknownNameError,
)
from nasmeta.surrogates import SeedNoise, Surrogate, _file as file_module, fit_surrogate, score_predictions
from nasmeta.surrogates._fit import _seed_columns
from nasmeta.surrogates._noise import fit_noise

NB201 = ("nb201/cifar10", "nb201/cifar100", "nb201/imagenet16-120")
FLOORS = {"nb201/cifar10": (0.95, 0.88), "nb201/cifar100": (0.96, 0.89), "nb201/imagenet16-120": (0.975, 0.91)}


# -- what is shipped -----------------------------------------------------------------------------------------
def test_ten_surrogates_are_shipped_and_small() -> None:
    files = Surrogate.shipped()
    assert set(NB201) < set(files)
    assert len([task for task in files if task.startswith("tnb101/")]) == 7
    for task, path in files.items():
        surrogate = Surrogate.load(task)
        assert path.stat().st_size < 300_000
        assert surrogate.card["task"] == task
        assert 0.7 < surrogate.trained.mean() <= 0.8
        assert np.isfinite(surrogate.values).all()
        assert (surrogate.cost_seconds > 0).all()


@pytest.mark.parametrize("task", NB201)
def test_scores_hold_on_cells_without_a_trained_isomorph(task: str) -> None:
    surrogate = Surrogate.load(task)
    space = surrogate.space
    cells = np.arange(space.n_cells)
    representatives = np.asarray(space.canonical(cells))
    assert not set(representatives[surrogate.trained]) & set(representatives[~surrogate.trained])
    scores = surrogate.score()
    r2, tau = FLOORS[task]
    for cells_scored in ("held out", "new functions"):
        assert scores[cells_scored]["r2"] >= r2
    assert scores["held out"]["tau"] >= tau
    assert scores["held out"]["cells"] == np.sum(~surrogate.trained)
    assert 0 < scores["new functions"]["cells"] < scores["held out"]["cells"]
    for name, row in scores.items():
        assert row == pytest.approx(surrogate.card["scores"][name], abs=1e-4)


def test_labels_of_held_out_cells_are_not_in_the_file(shipped: Surrogate) -> None:
    """A surrogate that held them would be as good on held-out cells as on its training cells."""
    y = nm.get_task("nb201/cifar10").values
    errors = np.abs(shipped.values - y)
    assert np.median(errors[shipped.trained]) < np.median(errors[~shipped.trained])
    classes = shipped.space.function_classes
    known = np.isin(classes, classes[shipped.trained])
    np.testing.assert_array_equal(np.unique(shipped.space.function_classes[known]), np.unique(shipped.process.observed))


# -- answers -------------------------------------------------------------------------------------------------
def test_answers_for_one_cell_several_and_strings(shipped: Surrogate) -> None:
    space = shipped.space
    assert shipped.predict(6111) == shipped.values[6111] == shipped.predict(space.to_string(6111))
    np.testing.assert_array_equal(shipped.predict([5, 6111]), shipped.values[[5, 6111]])
    with pytest.raises(ArchitectureError):
        shipped.predict(15625)
    with pytest.raises(SettingError, match="mean"):
        shipped.predict(0, answer="median")
    with pytest.raises(SettingError, match="seed"):
        shipped.predict(0, answer="training", seed=-1)


def test_isomorphs_have_one_mean_but_trainings_of_their_own(shipped: Surrogate) -> None:
    cells = np.arange(shipped.space.n_cells)
    representatives = np.asarray(shipped.space.canonical(cells))
    np.testing.assert_array_equal(shipped.values, shipped.values[representatives])
    training = shipped.training_values(0)
    assert np.mean(training[cells != representatives] == training[representatives[cells != representatives]]) < 0.1


def test_trainings_depend_on_cell_and_seed_alone(shipped: Surrogate) -> None:
    cells = np.array([7, 9000, 3])
    np.testing.assert_array_equal(shipped.predict(cells, answer="training", seed=5), shipped.training_values(5)[cells])
    assert (shipped.training_values(5) != shipped.training_values(6)).mean() > 0.9
    assert shipped.training_values(5).max() <= 100


@pytest.mark.parametrize("task", NB201)
def test_two_trainings_scatter_as_two_seeds_do(task: str) -> None:
    surrogate = Surrogate.load(task)
    table = nm.load_table("nb201")
    dataset = nm.get_task(task).dataset
    seeds = [table.column(dataset, "accuracy", "valid", 200, seed).astype(float) for seed in (777, 888)]
    cells = ~surrogate.trained & np.isfinite(seeds[0]) & np.isfinite(seeds[1])
    trainings = [surrogate.training_values(seed)[cells] for seed in (1, 2)]
    measured = np.median(np.abs(seeds[0] - seeds[1])[cells])
    assert np.median(np.abs(trainings[0] - trainings[1])) == pytest.approx(measured, rel=0.2)
    tau = kendalltau(seeds[0][cells], seeds[1][cells]).statistic
    assert kendalltau(*trainings).statistic == pytest.approx(tau, abs=0.03)


@pytest.mark.parametrize("task", NB201)
def test_cells_that_do_not_train_give_the_same_at_each_seed(task: str) -> None:
    surrogate = Surrogate.load(task)
    dead = np.flatnonzero(surrogate.space.function_classes == 0)
    assert len(dead) == 341
    for seed in (1, 2):
        np.testing.assert_array_equal(surrogate.training_values(seed)[dead], surrogate.values[dead])
    assert not np.asarray(surrogate.noise_deviation(dead)).any()
    assert surrogate.noise_deviation(int(dead[0])) == 0 < surrogate.noise_deviation(6111)


@pytest.mark.parametrize("task", NB201)
def test_both_ends_scatter_as_two_seeds_do(task: str) -> None:
    surrogate = Surrogate.load(task)
    table = nm.load_table("nb201")
    dataset = nm.get_task(task).dataset
    first, second = (table.column(dataset, "accuracy", "valid", 200, seed).astype(float) for seed in (777, 888))
    cells = ~surrogate.trained & (surrogate.space.function_classes != 0) & np.isfinite(first) & np.isfinite(second)
    low, high = np.quantile(surrogate.values[cells], [0.05, 0.9])
    trainings = [surrogate.training_values(seed) for seed in range(20)]
    for group, tolerance in ((cells & (surrogate.values <= low), 0.4), (cells & (surrogate.values >= high), 0.12)):
        for spread in (np.std, lambda x: np.median(np.abs(x))):
            measured = spread((first - second)[group])
            answered = np.mean([spread((a - b)[group]) for a, b in pairwise(trainings)])
            assert answered == pytest.approx(measured, rel=tolerance)


def test_the_noise_that_is_shipped_is_that_of_the_training_cells(shipped: Surrogate) -> None:
    train = np.flatnonzero(shipped.trained & (shipped.space.function_classes != 0))
    seeds = _seed_columns(nm.get_task("nb201/cifar10"))
    again = fit_noise(shipped.values[train], seeds[train])
    assert again is not None
    assert shipped.noise is not None
    np.testing.assert_allclose(again.means, shipped.noise.means, rtol=1e-6)
    np.testing.assert_allclose(again.quantiles, shipped.noise.quantiles, rtol=1e-5, atol=1e-6)


def test_one_training_answers_one_cell_without_all_others(shipped: Surrogate, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    draw = SeedNoise.draw

    def counted(self: SeedNoise, means: np.ndarray, cells: np.ndarray, seed: int) -> np.ndarray:
        asked.append(len(cells))
        return draw(self, means, cells, seed)

    monkeypatch.setattr(SeedNoise, "draw", counted)
    alone = [shipped.predict(cell, answer="training", seed=8) for cell in range(0, 15625, 1000)]
    assert set(asked) == {1}
    np.testing.assert_array_equal(alone, shipped.training_values(8)[::1000])


def test_training_seconds_are_near_the_recorded(shipped: Surrogate) -> None:
    recorded = nm.get_task("nb201/cifar10").cost_seconds
    rest = ~shipped.trained
    assert np.corrcoef(recorded[rest], shipped.cost_seconds[rest])[0, 1] > 0.99


# -- fitting -------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_fit_is_reproduced_and_sees_no_held_out_label(fitted: Surrogate) -> None:
    task = nm.get_task("nb201/cifar10")
    poisoned = copy.copy(task)
    values = task.values.copy()
    values[~fitted.trained] = np.random.default_rng(0).permutation(values[~fitted.trained])
    poisoned.__dict__.update(values=values, column=task.column)
    again = fit_surrogate(poisoned, train_fraction=0.1, seed=3, steps=15)
    np.testing.assert_array_equal(again.values, fitted.values)
    np.testing.assert_array_equal(again.training_values(1), fitted.training_values(1))
    assert again.card["scores"]["held out"]["tau"] < 0.1 < 0.6 < fitted.card["scores"]["held out"]["tau"]
    assert fitted.trained.mean() <= 0.1


@pytest.mark.slow
def test_a_fit_in_another_process_is_the_same() -> None:
    code = (
        "from nasmeta.surrogates import fit_surrogate as f;"
        "print(*f('nb201/cifar10', train_fraction=0.03, steps=3).values[:5])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = fit_surrogate("nb201/cifar10", train_fraction=0.03, steps=3)
    np.testing.assert_allclose([float(x) for x in done.stdout.split()], here.values[:5], atol=1e-3)


@pytest.mark.parametrize("fraction", [0, 1, 1.5])
def test_impossible_fractions(fraction: object) -> None:
    with pytest.raises(SettingError, match="train_fraction"):
        fit_surrogate("nb201/cifar10", train_fraction=fraction)  # type: ignore[arg-type]


def test_labels_that_teach_nothing_are_refused() -> None:
    task = nm.get_task("nb201/cifar10")
    constant = copy.copy(task)
    constant.__dict__.update(values=np.full(15625, 90.0), column=task.column)
    with pytest.raises(LabelError, match="differ"):
        fit_surrogate(constant)
    holes = copy.copy(task)
    holes.__dict__.update(values=np.where(np.arange(15625) < 20, task.values, np.nan), column=task.column)
    with pytest.raises(LabelError, match="20 measured"):
        fit_surrogate(holes)
    with pytest.raises(LabelError, match="train_fraction"):
        fit_surrogate(task, train_fraction=0.001)
    with pytest.raises(SettingError, match="one column"):
        fit_surrogate(nm.task_distribution("nb201"))  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError):
        fit_surrogate("nb201/cifar11")


def test_holes_in_a_table_are_filled_not_trained_on() -> None:
    task = nm.get_task("nb201/cifar10")
    holes = copy.copy(task)
    values = task.values.copy()
    values[::2] = np.nan
    holes.__dict__.update(values=values, column=task.column)
    surrogate = fit_surrogate(holes, train_fraction=0.1, steps=5)
    assert not surrogate.trained[::2].any()
    assert np.isfinite(surrogate.values).all()


def test_noise_needs_seeds() -> None:
    assert fit_noise(np.arange(200.0), np.full((200, 3), np.nan)) is None
    loaded = Surrogate.load("tnb101/jigsaw")
    assert np.isnan(loaded.noise_deviation(0))
    with pytest.raises(MissingValueError, match="single seeds"):
        loaded.predict(0, answer="training")


def test_noise_has_the_scale_of_what_it_was_fitted_to() -> None:
    rng = np.random.default_rng(0)
    means = rng.uniform(50, 90, 4000)
    true = 0.1 + (90 - means) / 40
    noise = fit_noise(means, means[:, None] + true[:, None] * rng.normal(size=(4000, 3)))
    assert noise is not None
    np.testing.assert_allclose(noise.deviation(np.array([60.0, 70.0, 80.0])), [0.85, 0.6, 0.35], rtol=0.15)
    drawn = noise.draw(np.full(4000, 70.0), np.arange(4000, dtype=np.int32), 1)
    assert drawn.std() == pytest.approx(0.6, rel=0.15)
    assert abs(drawn.mean()) < 0.05


# -- scores --------------------------------------------------------------------------------------------------
def test_scores_equal_scipys() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=300) * 3 + 90
    p = y + rng.normal(size=300)
    scores = score_predictions(y, p)
    assert scores["tau"] == kendalltau(y, p).statistic
    assert scores["sparse_tau"] == kendalltau(y, np.round(p, 1)).statistic
    assert scores["spearman"] == spearmanr(y, p).statistic
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean((y - p) ** 2)))
    assert scores["r2"] == pytest.approx(1 - np.sum((y - p) ** 2) / np.sum((y - y.mean()) ** 2))
    assert score_predictions(y, p, percent=False)["sparse_tau"] is None
    assert score_predictions(y, np.full(300, 90.0))["tau"] is None
    assert score_predictions(y[:1], p[:1])["r2"] is None


def test_scores_need_the_same_space(shipped: Surrogate) -> None:
    assert shipped.score("nb201/cifar100")["held out"]["tau"] > 0.8
    with pytest.raises(SettingError, match="tnb101"):
        shipped.score("tnb101/jigsaw")


# -- file ----------------------------------------------------------------------------------------------------
def test_a_file_gives_the_same_answers(fitted: Surrogate, tmp_path: Path) -> None:
    path = fitted.save(tmp_path / "mine.npz")
    read = Surrogate.load(path)
    np.testing.assert_array_equal(read.values, fitted.values)
    np.testing.assert_array_equal(read.training_values(4), fitted.training_values(4))
    np.testing.assert_array_equal(read.cost_seconds, fitted.cost_seconds)
    assert read.card == fitted.card
    assert read.sha256 == fitted.sha256
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_file_is_noticed(fitted: Surrogate, tmp_path: Path) -> None:
    whole = fitted.save(tmp_path / "whole.npz").read_bytes()
    path = tmp_path / "damaged.npz"
    rng = np.random.default_rng(0)
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(DamagedFileError, match=r"damaged\.npz"):
            Surrogate.load(path)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        places = [info.header_offset + 60 + info.compress_size // 2 for info in archive.infolist()]
    for place in [*places, *rng.integers(0, len(whole), 10)]:
        altered = bytearray(whole)
        altered[place] ^= 0x5A
        path.write_bytes(altered)
        try:
            read = Surrogate.load(path)
        except DamagedFileError:
            continue
        np.testing.assert_array_equal(read.values, fitted.values)  # a byte that means nothing


def test_other_files_are_refused(fitted: Surrogate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.npz"
    np.savez(other, a=np.arange(3))
    with pytest.raises(DamagedFileError, match="no surrogate"):
        Surrogate.load(other)
    other.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(DamagedFileError, match="no surrogate"):
        Surrogate.load(other)
    np.savez(other, card=np.array([{"format": 1}], dtype=object))
    with pytest.raises(DamagedFileError, match="no surrogate"):
        Surrogate.load(other)
    with pytest.raises(DamagedFileError, match="There is no surrogate"):
        Surrogate.load(tmp_path / "none.npz")
    with pytest.raises(UnknownNameError):
        Surrogate.load(str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(file_module, "KIND", replace(file_module.KIND, version=2))
        later = file_module.encode(
            file_module.Content(fitted.card, fitted.process, fitted.trained, fitted.noise, fitted.cost_coefficients)
        )
    other.write_bytes(later)
    with pytest.raises(DamagedFileError, match=r"version 2.*reads version 1"):
        Surrogate.load(other)
    with pytest.raises(SettingError, match="cannot be written"):
        fitted.save(tmp_path / "no" / "folder.npz")


def rewritten(whole: bytes, path: Path, name: str, edit: Callable[[bytes], bytes]) -> Path:
    """Write a surrogate's file anew with one entry edited."""
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info.filename, edit(data) if info.filename == f"{name}.npy" else data)
    return path


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("column", {}),
        ("column", {"unit": "percent"}),
        ("column", []),
        ("signal", {}),
        ("signal", None),
        ("split", {}),
        ("scores", 3),
        ("task", ["nb201/cifar10"]),
        ("table", ["nb201"]),
        ("training_cells", "many"),
        ("space", "nb301"),
        ("space", {}),
    ],
)
def test_an_altered_card_is_refused(fitted: Surrogate, tmp_path: Path, key: str, value: object) -> None:
    def edit(data: bytes) -> bytes:
        card = json.loads(np.load(io.BytesIO(data)).tobytes()) | {key: value}
        return npy(np.frombuffer(json.dumps(card).encode(), dtype=np.uint8))

    path = rewritten(fitted.save(tmp_path / "whole.npz").read_bytes(), tmp_path / "altered.npz", "card", edit)
    with pytest.raises(DamagedFileError, match=r"altered\.npz"):
        Surrogate.load(path)


def test_a_direction_that_is_none_is_refused(fitted: Surrogate, tmp_path: Path) -> None:
    def edit(data: bytes) -> bytes:
        return npy(np.frombuffer(np.load(io.BytesIO(data)).tobytes().replace(b'"max"', b'"up"'), dtype=np.uint8))

    path = rewritten(fitted.save(tmp_path / "whole.npz").read_bytes(), tmp_path / "altered.npz", "card", edit)
    with pytest.raises(DamagedFileError, match=r"altered\.npz"):
        Surrogate.load(path)


@pytest.mark.parametrize("shape", ["(100000000000000,)", "(10,)", "(-1,)", "()"])
def test_an_array_of_another_length_than_its_header_says_is_refused(
    fitted: Surrogate, tmp_path: Path, shape: str
) -> None:
    def edit(data: bytes) -> bytes:
        text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
        return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data[128:]

    path = rewritten(fitted.save(tmp_path / "whole.npz").read_bytes(), tmp_path / "altered.npz", "weights", edit)
    with pytest.raises(DamagedFileError, match=r"altered\.npz"):
        Surrogate.load(path)


@pytest.mark.parametrize(
    ("name", "factor"),
    [("weights", 1e30), ("variances", 1e300), ("numbers", -1e300), ("noise_quantiles", 1e38), ("noise_quantiles", -1.0),
     ("noise_means", -1.0), ("cost_coefficients", 1e305)],
)  # fmt: skip
def test_extreme_numbers_are_refused(fitted: Surrogate, tmp_path: Path, name: str, factor: float) -> None:
    def edit(data: bytes) -> bytes:
        array = np.load(io.BytesIO(data))
        with np.errstate(over="ignore"):
            return npy((array * factor).astype(array.dtype))

    path = rewritten(fitted.save(tmp_path / "whole.npz").read_bytes(), tmp_path / "altered.npz", name, edit)
    with pytest.raises(DamagedFileError, match=r"altered\.npz"):
        Surrogate.load(path)


def test_names_that_lead_nowhere() -> None:
    with pytest.raises(UnknownNameError, match="neither a task nor the file"):
        Surrogate.load("nb201/cifar11")
    with pytest.raises(SettingError, match="nasmeta surrogate fit"):
        Surrogate.load("nb201/cifar10@12ep")
    with pytest.raises(SettingError, match="task or its file"):
        Surrogate.load(3)  # type: ignore[arg-type]


# -- tasks of TransNAS-Bench-101, from downloaded files ------------------------------------------------------
def test_scores_of_a_loss(mirror: Path) -> None:
    assert mirror
    nm.tables.fetch("transnas")
    surrogate = Surrogate.load("tnb101/room_layout")
    scores = surrogate.score()
    assert scores["held out"]["r2"] > 0.9
    best = nm.get_task("tnb101/room_layout").values.argmin()
    assert surrogate.values[best] < np.quantile(surrogate.values, 0.1)  # lower is better
