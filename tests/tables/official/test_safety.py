"""Files that want to run something, and damaged ones: refused, with nothing run and nothing half in the store."""

from __future__ import annotations

import bz2
import contextlib
import io
import os
import pickle
import subprocess
import sys
import textwrap
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasmeta.errors import DamagedFileError, NasmetaError, UnsafePickleError
from nasmeta.tables import import_official
from nasmeta.tables.official._unpickle import stream_pickle

STORE = Path("tables/v1/nb201")


class Gadget:
    """Its pickle calls a function of its choice when it is loaded."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> Any:
        return self.reduced


def stored(cache: Path) -> list[str]:
    return [
        file.name
        for file in (cache / STORE).glob("*")
        if "simple-hpo" not in file.name and file.suffix != ".lock"
    ]


@pytest.mark.parametrize("container", ["old_torch", "new_torch", "compressed", "plain"])
@pytest.mark.parametrize("protocol", [0, 4])
def test_a_gadget_is_refused(
    own_cache: Path, tmp_path: Path, write: Any, container: str, protocol: int
) -> None:
    trace = tmp_path / "trace"
    gadgets = (
        Gadget(os.system, f"touch {trace}"),
        Gadget(eval, f"open({str(trace)!r}, 'w')"),
        Gadget(exec, f"open({str(trace)!r}, 'w')"),
        Gadget(getattr, os, "system"),
        Gadget(Path.touch, trace),
        Gadget(np.load, str(trace)),
        os.system,
        eval,
    )
    for gadget in gadgets:
        try:
            content = pickle.dumps({"arch2infos": {0: {"full": gadget}}}, protocol=protocol)
        except (TypeError, pickle.PicklingError):
            continue  # a module cannot be pickled
        path = write[container]({}, tmp_path / "file")
        if container == "plain":
            path.write_bytes(content)
        elif container == "compressed":
            path.write_bytes(bz2.compress(content))
        else:
            path = write[container](Raw(content), tmp_path / "file")
        with pytest.raises((UnsafePickleError, DamagedFileError)):
            import_official(path)
        assert not trace.exists()
    assert stored(own_cache) == []


class Raw:
    """Pickled through its own gadget: the container's writer then holds a call of pickle.loads."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def __reduce__(self) -> Any:
        return pickle.loads, (self.content,)


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R.",
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x02cbuiltins\ngetattr\ncbuiltins\n__import__\nX\x04\x00\x00\x00nameq\x00\x86R.",
        b"\x80\x02ccollections\nOrderedDict\n}X\x08\x00\x00\x00__init__K\x01sb.",  # changes a class
        b"\x80\x02\x82\x01.",  # an extension of the process
        b"\x80\x02ctorch.storage\n_load_from_bytes\nX\x04\x00\x00\x00evil\x85RX\x01\x00\x00\x00a\x86R.",
    ],
)
def test_pickles_written_by_hand(content: bytes) -> None:
    with pytest.raises((UnsafePickleError, DamagedFileError)):
        stream_pickle(io.BytesIO(content), lambda cell, record: None)


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02}r\xff\xff\xff\x7f.",  # a memo index of two thousand millions
        b"\x80\x02X\xff\xff\xff\x7fabc.",  # a string of two gigabytes, of which three bytes are there
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f}.",
        b"\x80\x02" + b"(" * 100_000 + b".",
    ],
)
def test_promises_of_much_allocate_little(content: bytes) -> None:
    tracemalloc.start()
    try:
        with contextlib.suppress(DamagedFileError):
            assert stream_pickle(io.BytesIO(content), lambda cell, record: None) == {}
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


DEEP = b"\x80\x02)" + b"\x85" * 200_000  # tuples in one another: to hash them would end the process
HASHES = {
    "key": b"}" + DEEP[2:] + b"Ns.",
    "keys": b"}(" + DEEP[2:] + b"Nu.",
    "dict of protocol 0": b"(" + DEEP[2:] + b"Nd.",
    "ordered dict": b"ccollections\nOrderedDict\n]" + DEEP[2:] + b"N\x86a\x85R.",
    "set of protocol 2": b"c__builtin__\nset\n]" + DEEP[2:] + b"a\x85R.",
    "set": b"\x8f(" + DEEP[2:] + b"\x90.",
    "frozenset": b"(" + DEEP[2:] + b"\x91.",
    "kind of array": b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n"
    + DEEP[2:]
    + b"\x85RX\x01\x00\x00\x00a\x86R.",
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return which were refused, by a process of its own, as the C stack's overflow cannot be caught: it ends that."""
    folder = tmp_path_factory.mktemp("deep")
    for what, content in HASHES.items():
        (folder / what).write_bytes(DEEP[:2] + content)
    script = """
        import sys
        from pathlib import Path
        from nasmeta.errors import DamagedFileError
        from nasmeta.tables.official._unpickle import stream_pickle
        for what in sys.argv[2:]:
            try:
                stream_pickle(Path(sys.argv[1], what).open("rb"), print)
            except DamagedFileError:
                print(what, flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(folder), *HASHES]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    ).stdout.splitlines()


@pytest.mark.parametrize("what", HASHES)
def test_what_lies_deep_is_never_hashed(refused: list[str], what: str) -> None:
    assert what in refused, f"the last that was refused: {refused[-1:]}"


def test_weights_are_skipped(own_cache: Path, tmp_path: Path, official: Any, write: Any) -> None:
    """Of a file written by torch itself, in both of its formats, and by pickle as archives with weights are."""
    torch = pytest.importorskip("torch")
    content = official.whole((0, 1), ("less", "full"))
    for infos in content["arch2infos"].values():
        for trial in infos["full"]["all_results"].values():
            trial["net_state_dict"] = torch.nn.Conv2d(3, 4, 3).state_dict()
            trial["params"] = float(trial["params"])
    for new in (True, False):
        torch.save(content, tmp_path / "file.pth", _use_new_zipfile_serialization=new)
        assert import_official(tmp_path / "file.pth").n_cells == 2
    folder = tmp_path / "full"
    folder.mkdir()
    for cell, infos in content["arch2infos"].items():
        with bz2.open(folder / f"{cell:06d}.pickle.pbz2", "wb") as file:
            pickle.dump({"12": infos["less"], "200": infos["full"]}, file, protocol=4)
    assert import_official(folder).n_cells == 2


@pytest.mark.parametrize("container", ["old_torch", "new_torch", "compressed", "plain"])
def test_half_a_file(
    own_cache: Path, tmp_path: Path, official: Any, write: Any, container: str
) -> None:
    path = write[container](official.whole((0, 11), ("less", "full")), tmp_path / "file")
    whole = path.read_bytes()
    for n in (0, 1, 13, len(whole) // 3, len(whole) - 200, len(whole) - 5):
        if container == "old_torch" and n == len(whole) - 5:
            continue  # what is cut off are the names of the weights
        path.write_bytes(whole[:n])
        with pytest.raises(DamagedFileError):
            import_official(path)
    assert stored(own_cache) == []
    path.write_bytes(whole + b"x")
    if container == "plain":
        with pytest.raises(DamagedFileError):
            import_official(path)


def _without(key: str) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        next(iter(content["arch2infos"][0]["full"]["all_results"].values())).pop(key)

    return change


def _with(key: str, value: Any) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        next(iter(content["arch2infos"][0]["full"]["all_results"].values()))[key] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _without("epochs"),
        _with("epochs", 90),
        _with("train_acc1es", {0: 101.0}),
        _with("train_losses", {0: 1.0, 1: float("inf")}),
        _with("eval_losses", {"ori-test@3": 1e300}),
        _with("params", -0.07),
        _with("latency", [float("inf")]),
        lambda content: content["arch2infos"][0]["full"].update(arch_str="8:8:16:64:8"),
        lambda content: content["arch2infos"][0]["full"].update(all_results=[1]),
        lambda content: content["arch2infos"].update({0: {"01": content["arch2infos"][0]["full"]}}),
        lambda content: content.clear(),
    ],
)
def test_what_is_not_an_official_file(
    own_cache: Path, tmp_path: Path, official: Any, write: Any, change: Callable[[Any], None]
) -> None:
    content = official.whole((0,), ("less", "full"))
    change(content)
    with pytest.raises(DamagedFileError):
        import_official(write["plain"](content, tmp_path / "file"))
    assert stored(own_cache) == []


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes with a few changed, cut out, doubled, or cut off."""
    found = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(len(found)))
        match int(rng.integers(6)):
            case 0:
                found[place] ^= 1 << int(rng.integers(8))
            case 1:
                found[place] = int(rng.integers(256))
            case 2:
                del found[place : place + int(rng.integers(1, 20))]
            case 3:
                found[place:place] = found[place : place + int(rng.integers(1, 20))]
            case 4:
                found[place:place] = rng.bytes(int(rng.integers(1, 5)))
            case 5:
                del found[place + 1 :]
        if not found:
            break
    return bytes(found)


def test_mutated_pickles(own_cache: Path, tmp_path: Path, official: Any, write: Any) -> None:
    """Success or the project's own error, whatever the bytes; in a bounded time."""
    small = {"arch2infos": {0: {"12": official.arch(0, 12)}, 11: {"12": official.arch(11, 12)}}}
    bases = [
        pickle.dumps(small, protocol=2),
        pickle.dumps(small, protocol=4),
        write["old_torch"](small, tmp_path / "a").read_bytes(),
        write["new_torch"](small, tmp_path / "a").read_bytes(),
        write["compressed"](small, tmp_path / "a").read_bytes(),
    ]
    rng = np.random.default_rng(20)
    path = tmp_path / "file"
    ends, nameless = {"fine": 0, "refused": 0}, 0
    stop = time.monotonic() + 6
    while time.monotonic() < stop and sum(ends.values()) < 150:
        path.write_bytes(mutated(bases[int(rng.integers(len(bases)))], rng))
        try:
            import_official(path)
            ends["fine"] += 1
        except NasmetaError as error:
            ends["refused"] += str(path) in str(error)
            nameless += str(path) not in str(error)
    assert nameless == 0
    assert ends["refused"] > 20
    assert ends["fine"] > 2
