"""Own tables of a hundred kinds: each is usable, or refused in one sentence, and nothing is damaged later."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.cli.commands import doctor_command
from nasmeta.errors import DamagedFileError, NasmetaError
from nasmeta.tables import added_tables, list_tables, load_table
from nasmeta.tables._arrow_file import write_files
from nasmeta.tables.commands import data_add_command, data_list_command, data_remove_command

ROWS = "0,91.5\n1,90.0\n2,89.5\n"
THREE = [91.5, 90.0, 89.5]
NB201: dict[str, Any] = {"space": "nb201"}
LISTED: dict[str, Any] = {"columns": ["width", "act"]}
ACCEPTED, REFUSED = True, False


def arch(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"arch": [0, 1, 2], **columns})


def listed(accuracy: Any = (91.5, 90.0, 89.5), **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"width": [16, 32, 64], "act": ["a", "b", "c"], **columns, "accuracy": accuracy})


# Texts are CSV files of cells of NAS-Bench-201, bytes are such files in another encoding, frames are Parquet files.
CELLS: dict[str, tuple[str | bytes | pd.DataFrame, bool]] = {
    "plain": ("arch,accuracy\n" + ROWS, ACCEPTED),
    "no byte": ("", REFUSED),
    "one line end": ("\n", REFUSED),
    "spaces": ("   \n  \n", REFUSED),
    "only a header": ("arch,accuracy\n", REFUSED),
    "only a header without line end": ("arch,accuracy", REFUSED),
    "empty values": ("arch,accuracy\n0,\n1,\n", REFUSED),
    "no metric": ("arch\n0\n1\n", REFUSED),
    "no architecture": ("accuracy\n91.5\n90\n", REFUSED),
    "no header": (ROWS, REFUSED),
    "one row": ("arch,accuracy\n0,91.5\n", ACCEPTED),
    "a missing value": ("arch,accuracy\n0,91.5\n1,\n2,89.5\n", ACCEPTED),
    "a missing architecture": ("arch,accuracy\n0,91.5\n,90\n", REFUSED),
    "a text among values": ("arch,accuracy\n0,91.5\n1,good\n", REFUSED),
    "only texts": ("arch,accuracy\n0,high\n1,low\n", REFUSED),
    "dates": ("arch,accuracy\n0,2024-01-01\n1,2024-01-02\n", REFUSED),
    "times": ("arch,accuracy\n0,12:30:00\n1,12:31:00\n", REFUSED),
    "percent signs": ("arch,accuracy\n0,91.5 %\n1,90 %\n", REFUSED),
    "thousands": ('arch,parameters\n0,"1,200"\n1,"1,300"\n', REFUSED),
    "byte-order mark": ("\ufeffarch,accuracy\n" + ROWS, ACCEPTED),
    "semicolons": ("arch;accuracy\n0;91.5\n1;90.0\n", REFUSED),
    "semicolons and decimal commas": ("arch;accuracy\n0;91,5\n1;90,0\n", REFUSED),
    "decimal commas": ('arch,accuracy\n0,"91,5"\n1,"90,0"\n', REFUSED),
    "unquoted decimal commas": ("arch,accuracy\n0,91,5\n1,90,0\n", REFUSED),
    "tabs": ("arch\taccuracy\n0\t91.5\n", REFUSED),
    "pipes": ("arch|accuracy\n0|91.5\n", REFUSED),
    "infinity": ("arch,accuracy\n0,inf\n1,90\n", REFUSED),
    "minus infinity": ("arch,loss\n0,-inf\n1,0.3\n", REFUSED),
    "not a number": ("arch,accuracy\n0,nan\n1,90\n2,89\n", ACCEPTED),
    "beyond float32": ("arch,loss\n0,1e39\n1,0.3\n", REFUSED),
    "beyond float64": ("arch,loss\n0,1e999\n1,0.3\n", REFUSED),
    "huge but finite": ("arch,flops\n0,1e30\n1,2e30\n", ACCEPTED),
    "denormal": ("arch,loss\n0,1e-310\n1,0.5\n", ACCEPTED),
    "integers of 30 digits": (f"arch,flops\n0,{'9' * 30}\n1,5\n", ACCEPTED),
    "integers of 400 digits": (f"arch,flops\n0,{'9' * 400}\n1,5\n", REFUSED),
    "hexadecimal": ("arch,accuracy\n0,0x5B\n1,0x5A\n", REFUSED),
    "complex": ("arch,accuracy\n0,91+2j\n1,90\n", REFUSED),
    "booleans": ("arch,accuracy\n0,True\n1,False\n", ACCEPTED),
    "booleans and numbers": ("arch,accuracy\n0,True\n1,90\n", REFUSED),
    "equal rows": ("arch,accuracy\n0,91.5\n0,91.5\n1,90\n", ACCEPTED),
    "contradicting rows": ("arch,accuracy\n0,91.5\n0,90\n", REFUSED),
    "two columns of one name": ("arch,accuracy,accuracy\n0,91.5,90\n", REFUSED),
    "a nameless column": (",arch,accuracy\n0,0,91.5\n1,1,90\n", ACCEPTED),
    "a header of commas": (",,\n0,1,2\n", REFUSED),
    "a longer row": ("arch,accuracy\n0,91.5,7\n1,90\n", REFUSED),
    "a longer last row": ("arch,accuracy\n0,91.5\n1,90,7\n", REFUSED),
    "a shorter row": ("arch,accuracy\n0,91.5\n1\n", ACCEPTED),
    "an open quote": ('arch,accuracy\n0,"91.5\n1,90\n', REFUSED),
    "carriage returns": ("arch,accuracy\r0,91.5\r1,90\r", ACCEPTED),
    "Windows line ends": ("arch,accuracy\r\n0,91.5\r\n1,90\r\n", ACCEPTED),
    "blank lines": ("arch,accuracy\n\n0,91.5\n\n1,90\n\n", ACCEPTED),
    "a comment": ("# made by us\narch,accuracy\n0,91.5\n", REFUSED),
    "spaces around names": (" arch , accuracy \n 0 , 91.5 \n 1 , 90 \n", ACCEPTED),
    "names in quotes": ('"arch","accuracy"\n"0","91.5"\n"1","90"\n', ACCEPTED),
    "an index of -1": ("arch,accuracy\n-1,91.5\n", REFUSED),
    "an index too far": ("arch,accuracy\n15625,91.5\n", REFUSED),
    "an index of 20 digits": (f"arch,accuracy\n{'9' * 20},91.5\n", REFUSED),
    "an index of 1.5": ("arch,accuracy\n1.5,91.5\n", REFUSED),
    "an infinite index": ("arch,accuracy\ninf,91.5\n", REFUSED),
    "an unknown string": ("arch,accuracy\n|conv~0|,91.5\n", REFUSED),
    "architectures as booleans": ("arch,accuracy\nTrue,91.5\n", REFUSED),
    "seed as text": ("arch,seed,accuracy\n0,first,91.5\n1,second,90\n", REFUSED),
    "seed of 1.5": ("arch,seed,accuracy\n0,1.5,91.5\n", REFUSED),
    "seed of -1": ("arch,seed,accuracy\n0,-1,91.5\n", REFUSED),
    "infinite seed": ("arch,seed,accuracy\n0,inf,91.5\n", REFUSED),
    "seed of 40 digits": (f"arch,seed,accuracy\n0,{'9' * 40},91.5\n", REFUSED),
    "seed as boolean": ("arch,seed,accuracy\n0,True,91.5\n", ACCEPTED),
    "epochs as text": ("arch,epochs,accuracy\n0,twelve,91.5\n", REFUSED),
    "mean epochs": ("arch,epochs,accuracy\n0,mean,91.5\n", REFUSED),
    "points of a curve as text": ("arch,epoch,epochs,accuracy\n0,last,12,91.5\n", REFUSED),
    "only points of a curve": ("arch,epoch,epochs,accuracy\n0,3,12,91.5\n1,3,12,90\n", REFUSED),
    "a split of spaces": ("arch,split,accuracy\n0, ,91.5\n1, ,90\n", ACCEPTED),
    "a split with a slash": ("arch,split,accuracy\n0,a/b,91.5\n1,a/b,90\n", ACCEPTED),
    "a split with signs": ("arch,split,accuracy\n0,a@b#c,91.5\n1,a@b#c,90\n", ACCEPTED),
    "a dataset with a slash": ("arch,dataset,accuracy\n0,a/b,91.5\n", REFUSED),
    "a dataset with signs": ("arch,dataset,accuracy\n0,a@b#0+c,91.5\n1,a@b#0+c,90\n", ACCEPTED),
    "a dataset of 300 letters": (f"arch,dataset,accuracy\n0,{'x' * 300},91.5\n1,{'x' * 300},90\n", ACCEPTED),
    "datasets in other scripts": ("arch,dataset,accuracy\n0,数据,91.5\n1,数据,90\n0,🐈,80\n", ACCEPTED),
    "datasets as numbers": ("arch,dataset,accuracy\n0,1,91.5\n1,1,90\n", ACCEPTED),
    "a release with a slash": ("arch,release,accuracy\n0,v/1,91.5\n1,v/1,90\n", ACCEPTED),
    "a metric with a slash": ("arch,a/b\n0,91.5\n1,90\n", REFUSED),
    "negative seconds": ("arch,accuracy,train_seconds\n0,91.5,-3\n1,90,5\n", REFUSED),
    "an unknown metric": ("arch,quality\n0,91.5\n", REFUSED),
    "a NUL": ("arch,accuracy\n0,91.5\n\0,90\n", REFUSED),
    "a NUL in a name": ("arch,accu\0racy\n0,91.5\n", REFUSED),
    "UTF-16": (("arch,accuracy\n" + ROWS).encode("utf-16"), REFUSED),
    "Latin-1": ("arch,dataset,accuracy\n0,Bär,91.5\n".encode("latin-1"), REFUSED),
    "random bytes": (np.random.default_rng(0).bytes(500), REFUSED),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", REFUSED),
    "a zip file": (b"PK\x03\x04\x14\0\0\0\x08\0", REFUSED),
    "JSON": ('[{"arch": 0, "accuracy": 91.5}]', REFUSED),
    "HTML": ("<table><tr><td>0</td></tr></table>", REFUSED),
    "no column": (pd.DataFrame(), REFUSED),
    "no row": (arch(accuracy=THREE)[:0], REFUSED),
    "nulls": (arch(accuracy=[None, None, None]), REFUSED),
    "nullable integers": (arch(accuracy=pd.array([91, None, 90], dtype="Int64")), ACCEPTED),
    "nullable booleans": (arch(accuracy=pd.array([True, None, False], dtype="boolean")), ACCEPTED),
    "half precision": (arch(accuracy=np.array(THREE, dtype=np.float16)), ACCEPTED),
    "large unsigned": (arch(flops=np.array([2**64 - 1, 5, 6], dtype=np.uint64)), ACCEPTED),
    "decimals": (arch(accuracy=[decimal.Decimal("91.5")] * 3), ACCEPTED),
    "timestamps": (arch(accuracy=pd.to_datetime(["2024-01-01"] * 3)), REFUSED),
    "timestamps with a zone": (arch(accuracy=pd.to_datetime(["2024-01-01"] * 3, utc=True)), REFUSED),
    "dates of Python": (arch(accuracy=[datetime.date(2024, 1, 1)] * 3), REFUSED),
    "times of Python": (arch(accuracy=[datetime.time(12)] * 3), REFUSED),
    "durations": (arch(train_seconds=pd.to_timedelta([1, 2, 3], unit="s")), REFUSED),
    "categories of numbers": (arch(accuracy=pd.Categorical(THREE)), ACCEPTED),
    "categories of texts": (arch(accuracy=pd.Categorical(["a", "b", "c"])), REFUSED),
    "lists": (arch(accuracy=[[91.5], [90.0], [89.5]]), REFUSED),
    "lists of two lengths": (arch(accuracy=[[91.5, 1.0], [90.0], []]), REFUSED),
    "records": (arch(accuracy=[{"top1": 91.5}] * 3), REFUSED),
    "bytes": (arch(accuracy=[b"91.5", b"90", b"89"]), REFUSED),
    "architectures as lists": (pd.DataFrame({"arch": [[0], [1]], "accuracy": [91.5, 90.0]}), REFUSED),
    "architectures as timestamps": (
        pd.DataFrame({"arch": pd.to_datetime(["2024-01-01"]), "accuracy": [91.5]}), REFUSED),
    "seeds as timestamps": (arch(accuracy=THREE, seed=pd.to_datetime(["2024-01-01"] * 3)), REFUSED),
    "seeds as lists": (arch(accuracy=THREE, seed=[[0], [1], [2]]), REFUSED),
    "datasets as categories": (arch(accuracy=THREE, dataset=pd.Categorical(["a", "a", "b"])), ACCEPTED),
    "an index of names": (arch(accuracy=THREE).set_index("arch"), ACCEPTED),
    "a multi-index": (arch(accuracy=THREE, split=["valid"] * 3).set_index(["arch", "split"]), REFUSED),
}  # fmt: skip
# Frames of a space of the columns width and act.
SPACES: dict[str, tuple[pd.DataFrame, bool]] = {
    "listed": (listed(), ACCEPTED),
    "no rows": (listed()[:0], REFUSED),
    "a missing choice": (listed(act=["a", None, "c"]), REFUSED),
    "infinite choices": (listed(width=[16, 32, np.inf]), REFUSED),
    "choices of two types": (listed(act=["a", "1", "b"]), ACCEPTED),
    "texts like numbers": (listed(act=["1", "1.0", "01"]), ACCEPTED),
    "booleans as choices": (listed(act=[True, False, True]), ACCEPTED),
    "lists as choices": (listed(act=[["a"], ["b"], ["c"]]), ACCEPTED),
    "records as choices": (listed(act=[{"a": 1}, {"a": 2}, {"a": 3}]), ACCEPTED),
    "timestamps as choices": (listed(act=pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"])), ACCEPTED),
    "durations as choices": (listed(act=pd.to_timedelta([1, 2, 3], unit="s")), ACCEPTED),
    "decimals as choices": (
        listed(act=[decimal.Decimal("1.5"), decimal.Decimal("2.5"), decimal.Decimal("3")]),
        ACCEPTED,
    ),
    "bytes as choices": (listed(act=[b"a", b"b", b"c"]), ACCEPTED),
    "categories as choices": (listed(act=pd.Categorical(["a", "b", "c"])), ACCEPTED),
    "intervals as choices": (listed(act=pd.cut([1, 2, 3], 3).astype(str)), ACCEPTED),
    "signs in choices": (listed(act=["a=b", "c,d", "e/f"]), ACCEPTED),
    "choices of 1,000 letters": (listed(act=["a" * 1000, "b" * 1000, "c"]), ACCEPTED),
    "empty texts": (listed(act=["", "b", "c"]), REFUSED),
    "one choice": (listed(act=["a", "a", "a"]), ACCEPTED),
    "contradicting choices": (listed(width=16, act="a"), REFUSED),
    "large numbers": (listed(width=[2**62, 2**62 + 1, 5]), ACCEPTED),
    "nullable numbers": (listed(width=pd.array([16, 32, 64], dtype="Int64")), ACCEPTED),
}


def files_in(cache: Path) -> dict[str, bytes]:
    """Return the content of the store, but for locks."""
    files = (path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path): path.read_bytes() for path in files}


def add(content: str | bytes | pd.DataFrame, file: Path, **options: Any) -> None:
    if isinstance(content, pd.DataFrame):
        file = file.with_suffix(".parquet")
        content.to_parquet(file)
    else:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    data_add_command(file, **options)


def lists_work() -> None:
    data_list_command()
    list_tables()
    nm.list_tasks("kept")


def use(name: str) -> None:
    """List, query and search a table, and remove it."""
    table = load_table(name)
    lists_work()
    for info in table.columns:
        parts = {part: getattr(info, part) for part in ("dataset", "metric", "split", "epochs", "seed", "release")}
        task = nm.get_task(table.task(**parts).name)
        assert task.signal.metric == info.metric
        first = int(task.measured[0])
        assert table.query(table.space.to_string(first), **parts) == task.values[first]
    run = nm.search("random", table.tasks()[0], evaluations=3, seed=0)
    assert np.isfinite(run.values).all()
    data_remove_command(name)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def cache(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache folder of all tests, with one table."""
    monkeypatch.setenv("NASMETA_CACHE", str(store))
    if not added_tables():
        add("arch,accuracy\n" + ROWS, tmp_path / "kept.csv", **NB201)
    return store


NAMES = {
    **dict.fromkeys(["mine", "Mine", "0", "a.b-c_d", "con", "mine.added", "mine.arrow", "x" * 64], ACCEPTED),
    **dict.fromkeys(["x" * 65, "über", "数据", "a b", "a/b", "../up", "..", ".content", "-x", "nb201"], REFUSED),
    **dict.fromkeys(["a\nb", "a\0b", "a+b", "a@b", "a#b", "a:b", "a\\b", "x" * 5000], REFUSED),
}
KINDS = [
    *((*kind, NB201) for kind in CELLS.values()),
    *((*kind, LISTED) for kind in SPACES.values()),
    *((listed(), accepted, LISTED | {"name": name}) for name, accepted in NAMES.items()),
]


@pytest.mark.filterwarnings("ignore::nasmeta.errors.NasmetaWarning")
@pytest.mark.parametrize(
    ("content", "accepted", "options"), KINDS, ids=[*CELLS, *SPACES, *(f"name {name[:9]!r}" for name in NAMES)]
)
def test_a_kind_is_usable_or_refused(
    content: Any, accepted: bool, options: dict[str, Any], cache: Path, tmp_path: Path
) -> None:
    before = files_in(cache)
    try:
        add(content, tmp_path / "mine.csv", **options)
    except NasmetaError:
        if accepted:
            raise
    else:
        assert accepted
        use(options.get("name", "mine"))
    assert files_in(cache) == before


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "no byte": lambda file: file.write_bytes(b""),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "text": lambda file: file.write_text("arch,accuracy"),
    "no columns": lambda file: write_files({file: []}, nm.get_space("nb201"), {}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_is_listed_and_removed(
    damage: str, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nasmeta.cli.commands._device", str)  # it imports torch
    before = files_in(cache)
    add("arch,accuracy\n" + ROWS, tmp_path / "other.csv", **NB201, replace=True)
    DAMAGES[damage](cache / "tables" / "v1" / "other" / "other.added.arrow")
    lists_work()
    assert "damaged" in capsys.readouterr().out
    with pytest.raises(DamagedFileError, match="--replace"):
        add("arch,accuracy\n" + ROWS, tmp_path / "other.csv", **NB201)
    (broken,) = doctor_command().broken
    assert broken.startswith("other does not open")
    add("arch,accuracy\n" + ROWS, tmp_path / "mine.csv", **NB201)
    use("mine")
    data_remove_command("other")
    assert files_in(cache) == before
