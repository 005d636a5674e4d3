"""The folder of a comparison: its specification, a journal a run, and the results as they come."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pandas as pd

from nasmeta.errors import JournalError, NasmetaError, SettingError, shown
from nasmeta.evaluators import Evaluator, SeveralEvaluator
from nasmeta.experiments._jobs import Pair
from nasmeta.files import write_whole
from nasmeta.journals import FolderLease, Shard, changed_code, without_code
from nasmeta.places import in_store, read_whole
from nasmeta.runs import History, RunConfig, results_frame
from nasmeta.runs._clock import Clock
from nasmeta.runs._spec import SearcherSpec

_FORMAT = 1
_BEGIN_SECONDS = 60.0  # that parts which begin together wait for each other
_ATTRS = b"PANDAS_ATTRS"  # where pandas keeps them
_IDENTITY = ("format", "tasks", "searchers", "seed", "clock", "epochs")


class ComparisonFolder:
    """Where a comparison keeps its state, for any numbers of repeats and evaluations of its searchers, tasks and seed.

    ``specification.json``, ``runs/<task>/<searcher>/<seed>.jsonl`` (with `journals`), ``results/`` with what is
    finished, and at the end ``results.parquet`` in its place.
    """

    def __init__(self, path: Path, *, journals: bool = True) -> None:
        self.path, self.journals = path, journals

    def begin(self) -> None:
        """Write what else is to be there from the start; called as soon as the folder is claimed."""

    def end(self, frame: pd.DataFrame) -> None:
        """Write what follows from all results, while the folder is still claimed."""

    @contextmanager
    def claimed(
        self,
        specs: Mapping[str, SearcherSpec],
        evaluators: Sequence[Evaluator],
        seed: int | list[int],
        *,
        clock: Clock | None = None,
        epochs: Sequence[int | str] | None = None,
        shard: Shard | None = None,
        **extent: Any,
    ) -> Iterator[FolderLease]:
        """Hold the folder, or a part of the comparison, for one process; yield the lease that its workers look at."""
        due = {
            "format": _FORMAT,
            "tasks": [
                {"name": one.task.name, "table": one.task.table_name, "signal": _signal_of(one)}
                | ({"evaluator": one.identity} if one.identity else {})
                for one in evaluators
            ],
            "searchers": {
                label: {"searcher": own.name, "settings": own.settings, **own.guidance.identity, **own.code_identity}
                for label, own in specs.items()
            },
            "seed": seed,
            "clock": None if clock is None else clock.settings,
            "epochs": None if epochs is None else list(epochs),
            **extent,
        }
        require_labels(specs)
        _require_apart([one.task.name for one in evaluators])
        lease = FolderLease(self.path / (".runner" if shard is None else f".runner-{shard}"))
        with ExitStack() as stack:
            beginning = stack.enter_context(ExitStack())
            with self.writing():
                self.path.mkdir(parents=True, exist_ok=True)
                if in_store(self.path):
                    stack.enter_context(lease.leased())
                else:
                    self._lock(shard, stack, beginning)
                self._check(due)
                self.write("specification.json", json.dumps(due, indent=2).encode() + b"\n")
                if not in_store(self.path):
                    self.write(lease.path.name, lease.content())
            stack.callback(lease.release)
            with self.writing():
                self.begin()
            if shard is not None:
                beginning.close()  # the next part may begin
            yield lease

    def _lock(self, shard: Shard | None, stack: ExitStack, beginning: ExitStack) -> None:
        """Hold the whole folder; for a part hold that part, and the folder until it has begun."""
        from filelock import FileLock

        if shard is not None:
            stack.enter_context(FileLock(self.path / f".part-{shard}.lock", timeout=2))
        beginning.enter_context(FileLock(self.path / ".lock", timeout=2 if shard is None else _BEGIN_SECONDS))
        for lock in sorted(self.path.glob(".part-*.lock")):
            part = lock.name.removeprefix(".part-").removesuffix(".lock")
            if shard is None or not part.endswith(f"-of-{shard.count}"):
                self._require_ended(part, lock)
        if shard is not None:
            (self.path / ".runner").unlink(missing_ok=True)

    def _require_ended(self, part: str, lock: Path) -> None:
        """Refuse to go on beside a part; where it has ended, let the workers that it may have left know."""
        from filelock import FileLock, Timeout

        try:
            with FileLock(lock, timeout=0):
                (self.path / f".runner-{part}").unlink(missing_ok=True)
        except Timeout:
            raise JournalError(f"Part {part.replace('-', ' ')} of the comparison is at work in {self.path}.") from None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what can happen where files are written into a JournalError that says what and where."""
        from filelock import Timeout

        try:
            yield
        except Timeout:
            raise JournalError(
                f"Another process works in {self.path}. Wait for its end, or use another folder. Several processes "
                "share a folder as shards: --shard I/N for each."
            ) from None
        except NotImplementedError:
            raise JournalError(f"Cannot write to the folder {self.path}: its store can only be read.") from None
        except OSError as reason:
            if isinstance(reason, NasmetaError):
                raise
            where = reason.filename2 or reason.filename
            what = "" if where is None or Path(str(where)) == self.path else f" ({where})"
            raise JournalError(
                f"Cannot write to the folder {self.path}: {reason.strerror or reason}{what}."
            ) from reason

    def _check(self, due: Mapping[str, Any]) -> None:
        path = self.path / "specification.json"
        if not path.exists():
            runs, results = self.path / "runs", self.path / "results.parquet"
            if runs.exists() or results.is_file():
                there = runs.name if runs.exists() else results.name
                raise JournalError(f"{self.path} has {there}, but no specification.json. Use another folder.")
            return
        try:
            found = json.loads(path.read_bytes())
            there = found | _without_code(found)
            asked = json.loads(json.dumps({**due, **_without_code(due)}))
            differences = [
                _difference(key, there.get(key), asked[key])
                for key in _IDENTITY
                if _unordered(_unnamed(there.get(key))) != _unordered(_unnamed(asked[key]))
            ]
        except (ValueError, AttributeError, TypeError) as reason:
            raise JournalError(f"{path} is damaged: {reason}. Use another folder.") from None
        if differences:
            raise SettingError(
                f"{self.path} holds another comparison. {'. '.join(differences)}. "
                "Use another folder; only repeats, evaluations, seconds, stop_at_optimum, workers, backend and the "
                "order of searchers and tasks may differ here, and what a specification reports and says for people."
            )

        for label, searcher in due["searchers"].items():
            if changed := changed_code(found["searchers"][label], searcher, "folder"):
                raise JournalError(f"What {self.path} holds of {label} {changed}")
        recorded = {task["name"]: task for task in found["tasks"]}
        for task in due["tasks"]:
            if changed := changed_code(recorded[task["name"]], task, "folder"):
                raise JournalError(f"What {self.path} holds of {task['name']} {changed}")

    def recorded(self) -> set[str] | None:
        """Return the journals there in one question, in a store; None where each may be asked for."""
        return {str(path) for path in (self.path / "runs").rglob("*.jsonl")} if in_store(self.path) else None

    def journal(self, task: str, searcher: str, seed: int) -> Path:
        """Return the path of a run's journal."""
        return self.path / "runs" / _file_name(task) / _file_name(searcher) / f"{seed}.jsonl"

    def write_part(self, position: int, frame: pd.DataFrame) -> None:
        """Keep the results of one task and searcher until all are there; ``results/`` can be read at any time."""
        with self.writing():
            self._parts.mkdir(exist_ok=True)
            self.write(f"results/{position:06}.parquet", frame.to_parquet(None, index=False))

    def join_parts(self, n: int, attrs: Mapping[str, Any]) -> pd.DataFrame:
        """Make ``results.parquet`` of the parts, and remove these; return it."""
        whole = BytesIO()
        with self.writing():
            _join([self._parts / f"{i:06}.parquet" for i in range(n)], whole, attrs)
            self.write("results.parquet", whole.getvalue())
            self.remove_parts()
        return _read(whole)

    def remove_parts(self) -> None:
        """Remove parts, also those that another call left."""
        with self.writing():
            if self._parts.exists():
                for part in list(self._parts.iterdir()):
                    part.unlink()
                with suppress(FileNotFoundError, NotADirectoryError):  # a store has no folders
                    self._parts.rmdir()

    @property
    def _parts(self) -> Path:
        return self.path / "results"

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole: whoever looks sees the old one or the new one. A store does so by itself."""
        path = self.path / name
        if in_store(path):
            path.write_bytes(content)
        else:
            write_whole(path, content)


def _join(parts: Sequence[Path], to: IO[bytes], attrs: Mapping[str, Any]) -> None:
    """Write the rows of Parquet files, one after another, as one of all their columns; ``attrs`` are the frame's.

    Tasks of several objectives have more columns than others.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def wide(field: pa.Field) -> pa.Field:
        """Each part numbers its few categories in 8 bits, which may be too few for those of all."""
        if not pa.types.is_dictionary(field.type):
            return field
        return field.with_type(pa.dictionary(pa.int32(), field.type.value_type))

    widest = max((pq.read_schema(BytesIO(read_whole(part))) for part in parts), key=len)
    metadata = {**(widest.metadata or {}), _ATTRS: json.dumps(attrs).encode()}
    schema = pa.schema([wide(field) for field in widest], metadata)
    with pq.ParquetWriter(to, schema) as writer:
        for part in parts:
            table = pq.read_table(BytesIO(read_whole(part)))
            for field in schema:
                if field.name not in table.column_names:
                    table = table.append_column(field.with_nullable(True), pa.nulls(len(table), field.type))
            writer.write_table(table.select(schema.names).cast(schema))


def _read(file: IO[bytes]) -> pd.DataFrame:
    """Read a joined file, one column after another, so that it is in memory once."""
    import pyarrow.parquet as pq

    source = pq.ParquetFile(file)
    columns = {name: source.read([name]).to_pandas()[name] for name in source.schema_arrow.names}
    frame = pd.DataFrame(columns, copy=False)
    frame.attrs = json.loads(source.schema_arrow.metadata[_ATTRS])
    return frame


def _difference(key: str, there: Any, asked: Any) -> str:
    """Return in words how an entry of the specification differs."""
    if key == "tasks":
        both = [{task["name"]: task.get("evaluator") or {} for task in said} for said in (there, asked)]
        changed = [
            name
            for name, own in both[1].items()
            if own.get("kind") == both[0].get(name, {}).get("kind") == "surrogate" and own != both[0][name]
        ]
        if changed:
            return f"Surrogates with another content answered there, for {', '.join(changed)}"
    return f"{key} there: {json.dumps(there)}; asked for: {json.dumps(asked)}"


def _without_code(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the searchers and tasks of a specification without what identifies code."""
    return {
        "searchers": {label: without_code(own) for label, own in (said.get("searchers") or {}).items()},
        "tasks": [without_code(task) for task in said.get("tasks") or []],
    }


def _unnamed(said: Any) -> Any:
    """Return an entry of the specification without the names of what a checksum beside them identifies."""
    if isinstance(said, list):
        return [_unnamed(one) for one in said]
    if not isinstance(said, dict):
        return said
    return {key: _unnamed(one) for key, one in said.items() if not said.get(f"{key}_sha256")}


def _unordered(said: Any) -> Any:
    """Return an entry of the specification without the order of its tasks; searchers are a mapping, which has none."""
    return sorted(said, key=json.dumps) if isinstance(said, list) and all(isinstance(e, dict) for e in said) else said


def require_labels(labels: Collection[str]) -> None:
    """Refuse labels of searchers that can name no folder, or would share one."""
    for label in labels:
        parts = re.split(r"[/\\]", label)
        if label != label.strip() or not label.isprintable() or not all(parts) or {".", ".."} & {*parts}:
            raise SettingError(
                f"{shown(label)} is no label of a searcher: it names its folder and its curve, so it must be "
                "printable, not empty, without spaces around it, and no path to elsewhere."
            )
    _require_apart(labels)


def _require_apart(names: Collection[str]) -> None:
    if len({_file_name(name) for name in names}) < len(names):
        raise SettingError(f"Two of {', '.join(names)} would share a folder: choose names that differ more.")


def _file_name(name: str) -> str:
    return re.sub(r"^\.|[^\w.,+= -]", "_", name)


def _signal_of(evaluator: Evaluator) -> Any:
    """Return what is asked, of JSON's types: a column, or a list of columns."""
    if isinstance(evaluator, SeveralEvaluator):
        return [_signal_of(part) for part in evaluator.parts]
    return evaluator.task.signal.to_dict()


class Results:
    """The histories of all runs, whose configs are by position of the task and label of the searcher.

    With a folder those of a task and a searcher are written to a file of their own as soon as they are all there, and
    forgotten: so memory does not grow with the evaluations, and what is done can be read while the rest runs.
    """

    def __init__(
        self,
        configs: Mapping[Pair, RunConfig],
        seeds: Mapping[Pair, Sequence[int]],
        home: ComparisonFolder | None = None,
    ) -> None:
        self.configs, self.seeds, self._home = configs, seeds, home
        self._histories: dict[Pair, dict[int, History]] = {pair: {} for pair in configs}
        self._attrs: dict[str, dict[str, dict[str, Any]]] = {}
        self._written: set[Pair] = set()
        self.done = 0
        if home is not None:
            home.remove_parts()

    @property
    def total(self) -> int:
        """How many runs there are to be."""
        return sum(map(len, self.seeds.values()))

    def missing(self, pair: Pair) -> list[int]:
        """Return the seeds of which there is no history yet."""
        there = self._histories[pair]
        return [] if pair in self._written else [seed for seed in self.seeds[pair] if seed not in there]

    def keep(self, pair: Pair, seed: int, history: History) -> None:
        """Take a history."""
        of_pair = self._histories[pair]
        of_pair[seed] = history
        self.done += 1
        if self._home is None or len(of_pair) < len(self.seeds[pair]):
            return
        frame = self._frame([pair])
        for name, by_task in frame.attrs.items():
            known = self._attrs.setdefault(str(name), {})
            for task, of_task in by_task.items():
                known.setdefault(task, {}).update(of_task)
        frame.attrs = {}
        self._home.write_part(list(self._histories).index(pair), frame)
        of_pair.clear()
        self._written.add(pair)

    def frame(self) -> pd.DataFrame:
        """Return the results of all runs; with a folder they are in its ``results.parquet`` from then on."""
        if self._home is None:
            return self._frame(list(self._histories))
        return self._home.join_parts(len(self._histories), self._attrs)

    def _frame(self, pairs: Sequence[Pair]) -> pd.DataFrame:
        return results_frame(
            [
                self._histories[pair][seed].of(replace(self.configs[pair], seed=seed))
                for pair in pairs
                for seed in self.seeds[pair]
            ]
        )
