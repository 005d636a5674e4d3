"""Own tables of a hundred kinds: each is usable, or refused in one sentence, and nothing is damaged later."""

from __future__ import annotations

import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.cli.commands import doctor_command
from nasmeta.errors import DamagedFileError, NasmetaError
from nasmeta.tables import added_tables, list_tables
from nasmeta.tables._arrow_file import write_files
from nasmeta.tasks import load_table, task_families
from nasmeta.tasks.commands import data_add_command, data_list_command, data_remove_command

PLAIN = "arch,accuracy\n0,91.5\n1,90.0\n2,89.5\n"
NB201 = {"space": "nb201"}
LISTED = {"columns": ["width", "act"]}
# Of each kind its name and a CSV file of cells of NAS-Bench-201, where ⏎ ends a line.
ACCEPTED_TEXTS = """
plain:arch,accuracy⏎0,91.5⏎1,90.0⏎2,89.5⏎
one row:arch,accuracy⏎0,91.5⏎
a missing value:arch,accuracy⏎0,91.5⏎1,⏎2,89.5⏎
byte-order mark:\ufeffarch,accuracy⏎0,91.5⏎1,90.0⏎2,89.5⏎
not a number:arch,accuracy⏎0,nan⏎1,90⏎2,89⏎
huge but finite:arch,flops⏎0,1e30⏎1,2e30⏎
denormal:arch,loss⏎0,1e-310⏎1,0.5⏎
integers of 30 digits:arch,flops⏎0,999999999999999999999999999999⏎1,5⏎
booleans:arch,accuracy⏎0,True⏎1,False⏎
equal rows:arch,accuracy⏎0,91.5⏎0,91.5⏎1,90⏎
a nameless column:,arch,accuracy⏎0,0,91.5⏎1,1,90⏎
a shorter row:arch,accuracy⏎0,91.5⏎1⏎
carriage returns:arch,accuracy\r0,91.5\r1,90\r
Windows line ends:arch,accuracy\r⏎0,91.5\r⏎1,90\r⏎
blank lines:arch,accuracy⏎⏎0,91.5⏎⏎1,90⏎⏎
spaces around names: arch , accuracy ⏎ 0 , 91.5 ⏎ 1 , 90 ⏎
names in quotes:"arch","accuracy"⏎"0","91.5"⏎"1","90"⏎
seed as boolean:arch,seed,accuracy⏎0,True,91.5⏎
a split of spaces:arch,split,accuracy⏎0, ,91.5⏎1, ,90⏎
a split with a slash:arch,split,accuracy⏎0,a/b,91.5⏎1,a/b,90⏎
a split with signs:arch,split,accuracy⏎0,a@b#c,91.5⏎1,a@b#c,90⏎
a dataset with signs:arch,dataset,accuracy⏎0,a@b#0+c,91.5⏎1,a@b#0+c,90⏎
datasets in other scripts:arch,dataset,accuracy⏎0,数据,91.5⏎1,数据,90⏎0,🐈,80⏎
datasets as numbers:arch,dataset,accuracy⏎0,1,91.5⏎1,1,90⏎
a release with a slash:arch,release,accuracy⏎0,v/1,91.5⏎1,v/1,90⏎
"""
REFUSED_TEXTS = """
no byte:
one line end:⏎
spaces:   ⏎  ⏎
only a header:arch,accuracy⏎
only a header without line end:arch,accuracy
empty values:arch,accuracy⏎0,⏎1,⏎
no metric:arch⏎0⏎1⏎
no architecture:accuracy⏎91.5⏎90⏎
no header:0,91.5⏎1,90.0⏎2,89.5⏎
a missing architecture:arch,accuracy⏎0,91.5⏎,90⏎
a text among values:arch,accuracy⏎0,91.5⏎1,good⏎
only texts:arch,accuracy⏎0,high⏎1,low⏎
dates:arch,accuracy⏎0,2024-01-01⏎1,2024-01-02⏎
times:arch,accuracy⏎0,12:30:00⏎1,12:31:00⏎
percent signs:arch,accuracy⏎0,91.5 %⏎1,90 %⏎
thousands:arch,parameters⏎0,"1,200"⏎1,"1,300"⏎
semicolons:arch;accuracy⏎0;91.5⏎1;90.0⏎
semicolons and decimal commas:arch;accuracy⏎0;91,5⏎1;90,0⏎
decimal commas:arch,accuracy⏎0,"91,5"⏎1,"90,0"⏎
unquoted decimal commas:arch,accuracy⏎0,91,5⏎1,90,0⏎
tabs:arch\taccuracy⏎0\t91.5⏎
pipes:arch|accuracy⏎0|91.5⏎
infinity:arch,accuracy⏎0,inf⏎1,90⏎
minus infinity:arch,loss⏎0,-inf⏎1,0.3⏎
beyond float32:arch,loss⏎0,1e39⏎1,0.3⏎
beyond float64:arch,loss⏎0,1e999⏎1,0.3⏎
hexadecimal:arch,accuracy⏎0,0x5B⏎1,0x5A⏎
complex:arch,accuracy⏎0,91+2j⏎1,90⏎
booleans and numbers:arch,accuracy⏎0,True⏎1,90⏎
contradicting rows:arch,accuracy⏎0,91.5⏎0,90⏎
contradicting spellings:arch,dataset,accuracy⏎0,Pets,91.5⏎0,pets,90⏎
two columns of one name:arch,accuracy,accuracy⏎0,91.5,90⏎
a header of commas:,,⏎0,1,2⏎
a longer row:arch,accuracy⏎0,91.5,7⏎1,90⏎
a longer last row:arch,accuracy⏎0,91.5⏎1,90,7⏎
an open quote:arch,accuracy⏎0,"91.5⏎1,90⏎
a comment:# made by us⏎arch,accuracy⏎0,91.5⏎
an index of -1:arch,accuracy⏎-1,91.5⏎
an index too far:arch,accuracy⏎15625,91.5⏎
an index of 20 digits:arch,accuracy⏎99999999999999999999,91.5⏎
an index of 1.5:arch,accuracy⏎1.5,91.5⏎
an infinite index:arch,accuracy⏎inf,91.5⏎
an unknown string:arch,accuracy⏎|conv~0|,91.5⏎
architectures as booleans:arch,accuracy⏎True,91.5⏎
seed as text:arch,seed,accuracy⏎0,first,91.5⏎1,second,90⏎
seed of 1.5:arch,seed,accuracy⏎0,1.5,91.5⏎
seed of -1:arch,seed,accuracy⏎0,-1,91.5⏎
infinite seed:arch,seed,accuracy⏎0,inf,91.5⏎
seed of 40 digits:arch,seed,accuracy⏎0,9999999999999999999999999999999999999999,91.5⏎
epochs as text:arch,epochs,accuracy⏎0,twelve,91.5⏎
mean epochs:arch,epochs,accuracy⏎0,mean,91.5⏎
points of a curve as text:arch,epoch,epochs,accuracy⏎0,last,12,91.5⏎
only points of a curve:arch,epoch,epochs,accuracy⏎0,3,12,91.5⏎1,3,12,90⏎
a dataset with a slash:arch,dataset,accuracy⏎0,a/b,91.5⏎
a metric with a slash:arch,a/b⏎0,91.5⏎1,90⏎
negative seconds:arch,accuracy,train_seconds⏎0,91.5,-3⏎1,90,5⏎
an unknown metric:arch,quality⏎0,91.5⏎
a NUL:arch,accuracy⏎0,91.5⏎\0,90⏎
a NUL in a name:arch,accu\0racy⏎0,91.5⏎
JSON:[{"arch": 0, "accuracy": 91.5}]
HTML:<table><tr><td>0</td></tr></table>
"""
BYTES = [b"91.5", b"90", b"89"]
CATEGORIES = pd.Categorical(["a", "b", "c"])
DATES = pd.date_range("2024-01-01", periods=3)
DECIMALS = [decimal.Decimal(n) / 2 for n in (3, 5, 6)]
DURATIONS = pd.to_timedelta([1, 2, 3], unit="s")
LISTS = [[0], [1], [2]]
RECORDS = [{"a": n} for n in range(3)]


def kinds_in(texts: str) -> dict:
    """Return the texts by the names of their kinds."""
    lines = texts.strip("\n").split("\n")
    return {
        name: text.replace("⏎", "\n") for name, _, text in (line.partition(":") for line in lines)
    }


def arch(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"arch": [0, 1, 2], "accuracy": [91.5, 90.0, 89.5]} | columns)


def listed(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {"width": [16, 32, 64], "act": ["a", "b", "c"], "accuracy": [91.5, 90.0, 89.5]} | columns
    )


ACCEPTED_VALUES = {
    "nullable integers": pd.array([91, None, 90], dtype="Int64"),
    "nullable booleans": pd.array([True, None, False], dtype="boolean"),
    "half precision": np.array([91.5, 90.0, 89.5], dtype=np.float16),
    "decimals": DECIMALS,
    "categories of numbers": pd.Categorical([91.5, 90.0, 89.5]),
}
REFUSED_VALUES = {
    "nulls": [None] * 3,
    "timestamps": DATES,
    "timestamps with a zone": DATES.tz_localize("UTC"),
    "dates of Python": DATES.date,
    "times of Python": DATES.time,
    "categories of texts": CATEGORIES,
    "lists": LISTS,
    "lists of two lengths": [[91.5, 1.0], [90.0], []],
    "records": RECORDS,
    "bytes": BYTES,
}
# Bytes are CSV files in another encoding, frames are Parquet files.
ACCEPTED = {
    **kinds_in(ACCEPTED_TEXTS),
    **{kind: arch(accuracy=values) for kind, values in ACCEPTED_VALUES.items()},
    "a dataset of 300 letters": f"arch,dataset,accuracy\n0,{'x' * 300},91.5\n1,{'x' * 300},90\n",
    "large unsigned": arch(flops=np.array([2**64 - 1, 5, 6], dtype=np.uint64)),
    "datasets as categories": arch(dataset=pd.Categorical(["a", "a", "b"])),
    "an index of names": arch().set_index("arch"),
}
REFUSED = {
    **kinds_in(REFUSED_TEXTS),
    **{kind: arch(accuracy=values) for kind, values in REFUSED_VALUES.items()},
    "integers of 400 digits": f"arch,flops\n0,{'9' * 400}\n1,5\n",
    "UTF-16": PLAIN.encode("utf-16"),
    "Latin-1": "arch,dataset,accuracy\n0,Bär,91.5\n".encode("latin-1"),
    "random bytes": np.random.default_rng(0).bytes(500),
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a zip file": b"PK\x03\x04\x14\0\0\0\x08\0",
    "no column": pd.DataFrame(),
    "no row": arch()[:0],
    "durations": arch(train_seconds=DURATIONS),
    "architectures as lists": arch(arch=LISTS),
    "architectures as timestamps": arch(arch=DATES),
    "seeds as timestamps": arch(seed=DATES),
    "seeds as lists": arch(seed=LISTS),
    "a multi-index": arch(split="valid").set_index(["arch", "split"]),
}
# Tables of a space of the columns width and act.
ACCEPTED_ACTS = {
    "choices of two types": ["a", "1", "b"],
    "texts like numbers": ["1", "1.0", "01"],
    "booleans as choices": [True, False, True],
    "lists as choices": [["a"], ["b"], ["c"]],
    "records as choices": RECORDS,
    "timestamps as choices": DATES,
    "durations as choices": DURATIONS,
    "decimals as choices": DECIMALS,
    "bytes as choices": BYTES,
    "categories as choices": CATEGORIES,
    "intervals as choices": pd.cut([1, 2, 3], 3).astype(str),
    "signs in choices": ["a=b", "c,d", "e/f"],
    "choices of 1,000 letters": ["a" * 1000, "b" * 1000, "c"],
    "one choice": "a",
}
ACCEPTED_SPACES = {
    **{kind: listed(act=choices) for kind, choices in ACCEPTED_ACTS.items()},
    "listed": listed(),
    "large numbers": listed(width=[2**62, 2**62 + 1, 5]),
    "nullable numbers": listed(width=pd.array([16, 32, 64], dtype="Int64")),
}
REFUSED_SPACES = {
    "no rows": listed()[:0],
    "a missing choice": listed(act=["a", None, "c"]),
    "empty texts": listed(act=["", "b", "c"]),
    "infinite choices": listed(width=[16, 32, np.inf]),
    "contradicting choices": listed(width=16, act="a"),
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
    task_families()
    nm.list_tasks("kept")


def use(name: str) -> None:
    """List, query and search a table, and remove it."""
    table = load_table(name)
    lists_work()
    for info in table.columns:
        parts = {
            part: getattr(info, part)
            for part in ("dataset", "metric", "split", "epochs", "seed", "release")
        }
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
        add(PLAIN, tmp_path / "kept.csv", **NB201)
    return store


ACCEPTED_NAMES = ["mine", "Mine", "0", "a.b-c_d", "con", "mine.added", "mine.arrow", "x" * 64]
REFUSED_NAMES = [
    "über",
    "数据",
    "a b",
    "a/b",
    "../up",
    "..",
    ".content",
    "-x",
    "nb201",
    "x" * 65,
    "x" * 5000,
]
REFUSED_NAMES += ["a\nb", "a\0b", "a+b", "a@b", "a#b", "a:b", "a\\b"]


def parameters(tables: dict, accepted: bool, options: dict) -> list[Any]:
    return [pytest.param(table, accepted, options, id=kind) for kind, table in tables.items()]


def named(names: list[str], accepted: bool) -> list[Any]:
    return [
        pytest.param(listed(), accepted, LISTED | {"name": name}, id=f"name {name[:9]!r}")
        for name in names
    ]


@pytest.mark.filterwarnings("ignore::nasmeta.errors.NasmetaWarning")
@pytest.mark.parametrize(
    ("content", "accepted", "options"),
    [
        *parameters(ACCEPTED, True, NB201),
        *parameters(REFUSED, False, NB201),
        *parameters(ACCEPTED_SPACES, True, LISTED),
        *parameters(REFUSED_SPACES, False, LISTED),
        *named(ACCEPTED_NAMES, True),
        *named(REFUSED_NAMES, False),
    ],
)
def test_a_kind_is_usable_or_refused(
    content: Any, accepted: bool, options: dict, cache: Path, tmp_path: Path
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


DAMAGES = {
    "no byte": lambda file: file.write_bytes(b""),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "text": lambda file: file.write_text("arch,accuracy"),
    "no columns": lambda file: write_files({file: []}, nm.get_space("nb201"), {}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_is_listed_and_removed(
    damage: str,
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nasmeta.cli.commands._device", str)  # it imports torch
    before = files_in(cache)
    add(PLAIN, tmp_path / "other.csv", **NB201, replace=True)
    DAMAGES[damage](cache / "tables" / "v1" / "other" / "other.added.arrow")
    lists_work()
    assert "damaged" in capsys.readouterr().out
    with pytest.raises(DamagedFileError, match="--replace"):
        add(PLAIN, tmp_path / "other.csv", **NB201)
    (broken,) = doctor_command().broken
    assert broken.startswith("other does not open")
    add(PLAIN, tmp_path / "mine.csv", **NB201)
    use("mine")
    data_remove_command("other")
    assert files_in(cache) == before
