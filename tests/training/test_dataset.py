"""Data sets: every kind of file, splits, and what is wrong with files."""

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasmeta.errors import (
    DamagedFileError,
    NasmetaError,
    SettingError,
    UnknownNameError,
    UnsafePickleError,
)
from nasmeta.training import ImageDataset

SIZES = tuple[int, ...]


def python_2_batch(data: np.ndarray, labels: list[int], labels_key: str = "labels") -> bytes:
    """Write a pickle as Python 2's cPickle did (protocol 2, byte strings without a kind)."""

    def text(value: bytes) -> bytes:
        return b"T" + struct.pack("<i", len(value)) + value

    def integer(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        + integer(0)
        + b"\x85"
        + text(b"b")
        + b"\x87R"
        b"(" + integer(1) + integer(data.shape[0]) + integer(data.shape[1]) + b"\x86"
        b"cnumpy\ndtype\n" + text(b"u1") + integer(0) + integer(1) + b"\x87R"
        b"(" + integer(3) + text(b"|") + b"NNN" + integer(-1) + integer(-1) + integer(0) + b"tb"
        b"\x89" + text(data.tobytes()) + b"tb"
    )
    listed = b"](" + b"".join(map(integer, labels)) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(labels_key.encode()) + listed + b"u."


def pixels(n: int, size: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, 3 * size * size), dtype=np.uint8)


@pytest.fixture
def cifar10(tmp_path: Path) -> Path:
    inside = tmp_path / "cifar-10-batches-py"
    inside.mkdir()
    for number in range(1, 6):
        (inside / f"data_batch_{number}").write_bytes(
            python_2_batch(pixels(20 + number, 32), [*range(10)] * 2 + [0] * number)
        )
    # as Python 3 writes again what it read as bytes
    content = {
        b"data": pixels(10, 32),
        b"labels": [*range(10)],
    }
    (inside / "test_batch").write_bytes(pickle.dumps(content))
    (inside / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    return tmp_path


def picture(path: Path, shape: SIZES, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)).save(path)


def test_digits_are_split_by_class_and_fixed() -> None:
    digits = ImageDataset.load("digits")
    together = np.concatenate(list(digits.splits.values()))
    assert sorted(together) == list(range(1797))
    for positions in digits.splits.values():
        counts = np.bincount(digits.labels[positions], minlength=10)
        assert counts.max() - counts.min() <= max(2, 0.1 * counts.max())
    assert digits.split_sha256() == ImageDataset.load("digits").split_sha256()
    assert digits.split_sha256() != ImageDataset.load("digits", split_seed=1).split_sha256()
    assert not digits.flips
    train = digits.images[digits.splits["train"]] / 255
    np.testing.assert_allclose(digits.mean, train.mean((0, 2, 3)))
    np.testing.assert_allclose(digits.std, train.std((0, 2, 3)))


def test_other_fractions_and_sizes() -> None:
    none = ImageDataset.load("digits", valid_fraction=0.0)
    assert len(none.splits["valid"]) == 0
    assert len(ImageDataset.load("digits", valid_fraction=0.5).splits["valid"]) == pytest.approx(
        719, abs=5
    )
    larger = ImageDataset.load("digits", size=16)
    assert larger.image_size == (16, 16)
    assert abs(larger.images.mean() - none.images.mean()) < 2
    halves = ImageDataset.load("digits", valid_split="nb201")
    assert len(halves.splits["valid"]) == pytest.approx(len(halves.splits["test"]), abs=6)


def test_another_process_reads_the_images_again() -> None:
    digits = ImageDataset.load("digits", valid_fraction=0.2)
    content = pickle.dumps(digits)
    assert len(content) < 500
    assert pickle.loads(content).split_sha256() == digits.split_sha256()
    other = digits.sha256().encode()
    with pytest.raises(NasmetaError):
        pickle.loads(content.replace(other, other[::-1]))
    few = digits.subset(20)
    assert pickle.loads(pickle.dumps(few)).sha256() == few.sha256()


def test_subset_keeps_images_labels_and_standards() -> None:
    digits = ImageDataset.load("digits")
    few = digits.subset(20, seed=3)
    assert {name: len(found) for name, found in few.splits.items()} == {
        "train": 20,
        "valid": 20,
        "test": 20,
    }
    assert (few.mean, few.classes) == (digits.mean, digits.classes)
    known = {
        image.tobytes(): label for image, label in zip(digits.images, digits.labels, strict=True)
    }
    assert all(
        known[image.tobytes()] == label for image, label in zip(few.images, few.labels, strict=True)
    )
    in_test = {image.tobytes() for image in digits.images[digits.splits["test"]]}
    assert all(image.tobytes() in in_test for image in few.images[few.splits["test"]])


def test_cifar10_of_both_pythons(cifar10: Path) -> None:
    data = ImageDataset.load(f"cifar10:{cifar10}", valid_split="nb201")
    assert data.images.shape == (125, 3, 32, 32)
    np.testing.assert_array_equal(data.images[0], pixels(21, 32)[0].reshape(3, 32, 32))
    np.testing.assert_array_equal(data.images[-1], pixels(10, 32)[-1].reshape(3, 32, 32))
    assert data.classes == tuple("abcdefghij")
    assert data.splits["test"].tolist() == list(range(115, 125))
    assert len(data.splits["valid"]) == pytest.approx(57, abs=2)
    assert ImageDataset.load(f"cifar10:{cifar10}").split_sha256() == data.split_sha256()
    assert len(ImageDataset.load(f"cifar10:{cifar10}", valid_fraction=0.2).splits["valid"]) < 30
    assert (
        ImageDataset.load(
            f"cifar10:{cifar10 / 'cifar-10-batches-py'}", valid_split="nb201"
        ).sha256()
        == data.sha256()
    )


def test_cifar100_and_imagenet16(tmp_path: Path) -> None:
    for name, n in (("train", 40), ("test", 20)):
        (tmp_path / name).write_bytes(
            python_2_batch(pixels(n, 32), [*range(20)] * (n // 20), "fine_labels")
        )
    (tmp_path / "meta").write_bytes(pickle.dumps({"fine_label_names": [*range(100)]}))
    data = ImageDataset.load(f"cifar100:{tmp_path}", valid_split="nb201")
    assert (data.n_classes, len(data.splits["train"])) == (100, 40)
    assert len(data.splits["valid"]) + len(data.splits["test"]) == 20
    for name in [f"train_data_batch_{number}" for number in range(1, 11)] + ["val_data"]:
        (tmp_path / name).write_bytes(
            python_2_batch(pixels(8, 16), [1, 2, 120, 121, 500, 1000, 7, 7])
        )
    data = ImageDataset.load(f"imagenet16-120:{tmp_path}")
    assert len(data.splits["valid"]) > 0  # halves of the test images, as in the tables
    assert data.images.shape == (55, 3, 16, 16)
    assert data.labels[:5].tolist() == [0, 1, 119, 6, 6]
    assert data.n_classes == 120


def test_fashion_mnist(tmp_path: Path) -> None:
    for part, n in (("train", 40), ("t10k", 20)):
        grey = np.full((n, 28, 28), n, dtype=np.uint8)
        images = bytes((0, 0, 8, 3)) + struct.pack(">3I", n, 28, 28) + grey.tobytes()
        labels = bytes((0, 0, 8, 1)) + struct.pack(">I", n) + bytes([at % 10 for at in range(n)])
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    data = ImageDataset.load(f"fashion-mnist:{tmp_path}")
    assert data.images.shape == (60, 3, 28, 28)
    assert (data.images[0, 2, 0, 0], data.images[-1, 0, 0, 0]) == (40, 20)
    assert data.classes[data.labels[9]] == "Ankle boot"
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels)[:-9])
    with pytest.raises(DamagedFileError):
        ImageDataset.load(f"fashion-mnist:{tmp_path}")


def test_folder_of_classes_and_of_parts(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("cat", "dog"):
        for number in range(10):
            picture(
                tmp_path / "flat" / name / f"{number}.png",
                (8, 8) if number == 0 else (8, 8, 3),
                number,
            )
    flat = ImageDataset.load(f"folder:{tmp_path / 'flat'}", valid_fraction=0.25, progress=True)
    n = len(flat.images)
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"images: {n} of {n}, ")
    assert (flat.images.shape, flat.classes, flat.name) == ((20, 3, 8, 8), ("cat", "dog"), "flat")
    assert {name: len(found) for name, found in flat.splits.items()} == {
        "train": 12,
        "valid": 4,
        "test": 4,
    }
    assert (flat.images[0, 0] == flat.images[0, 2]).all()  # the grey one
    for part, n in (("train", 3), ("val", 2), ("test", 1)):
        for name in ("cat", "dog"):
            for number in range(n):
                picture(tmp_path / "parts" / part / name / f"{number}.jpg", (12 + number, 9, 3))
    parts = ImageDataset.load(f"folder:{tmp_path / 'parts'}", size=8)
    assert parts.splits["train"].tolist() == list(range(6))
    assert parts.splits["valid"].tolist() == list(range(6, 10))
    assert parts.labels[parts.splits["test"]].tolist() == [0, 1]


@pytest.mark.parametrize(
    "make",
    [
        {},
        {"cat/0.png": (8, 8), "dog/0.png": (8, 12)},
        {"cat/0.png": (9, 9), "dog/0.png": (9, 9)},
        {"train/cat/0.png": (8, 8), "train/dog/0.png": (8, 8), "test/cow/0.png": (8, 8)},
        {f"{part}/{name}/0.png": (8, 8) for part in ("train", "validation") for name in "ab"},
        {f"{part}/{name}/0.png": (8, 8) for part in ("valid", "test") for name in "ab"},
    ],
)
def test_folders_that_cannot_be_used(make: dict[str, SIZES], tmp_path: Path) -> None:
    for name, shape in make.items():
        picture(tmp_path / name, shape)
    with pytest.raises(SettingError):
        ImageDataset.load(f"folder:{tmp_path}")


@pytest.mark.parametrize(("ending", "position", "byte"), [("png", 36, 0), ("tiff", 72, 5)])
def test_a_damaged_image_is_named_whatever_pillow_raises(
    ending: str, position: int, byte: int, tmp_path: Path
) -> None:
    for name in ("cat", "dog"):
        picture(tmp_path / name / f"0.{ending}", (8, 8))
    file = tmp_path / "dog" / f"0.{ending}"
    content = bytearray(file.read_bytes())
    content[position] = byte  # a SyntaxError of PNG, a TypeError of TIFF
    file.write_bytes(content)
    with pytest.raises(DamagedFileError):
        ImageDataset.load(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    ("source", "error"), [("cifar11", UnknownNameError), ("cifar10", SettingError)]
)
def test_missing_sources(source: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        ImageDataset.load(source)


def test_batches_that_are_damaged_or_evil(cifar10: Path) -> None:
    batch = cifar10 / "cifar-10-batches-py" / "data_batch_1"
    for content, kind in (
        (pickle.dumps(eval), UnsafePickleError),
        (b"junk", DamagedFileError),
        (pickle.dumps({"data": pixels(3, 32)}), DamagedFileError),
        (python_2_batch(pixels(3, 16), [0, 1, 2]), DamagedFileError),
    ):
        batch.write_bytes(content)
        with pytest.raises(kind):
            ImageDataset.load(f"cifar10:{cifar10}")


def test_batches_without_names_of_classes(cifar10: Path) -> None:
    (cifar10 / "cifar-10-batches-py" / "batches.meta").write_bytes(pickle.dumps({"num_vis": 3072}))
    with pytest.raises(DamagedFileError):
        ImageDataset.load(f"cifar10:{cifar10}")


@pytest.mark.parametrize(
    "options",
    [
        {"size": 10},
        {"valid_fraction": 1.0},
        {"valid_fraction": -0.1},
        {"valid_split": "nb201", "valid_fraction": 0.1},
        {"valid_split": "halves.txt"},
    ],
)
def test_impossible_options(options: dict) -> None:
    with pytest.raises(SettingError):
        ImageDataset.load("digits", **options)


@pytest.mark.parametrize(
    ("mode", "kind"), [("I;16", np.uint16), ("I", np.int32), ("F", np.float32)]
)
def test_more_than_eight_bits_are_not_cut_off(mode: str, kind: type, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        image = Image.fromarray(np.full((8, 8), 300, dtype=kind))
        assert image.mode == mode
        image.save(tmp_path / name / "0.tif")
    with pytest.raises(DamagedFileError):
        ImageDataset.load(f"folder:{tmp_path}")
