"""What all commands share: how errors and interrupts end, and how values are read and shown."""

from __future__ import annotations

import functools
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from nasmeta.errors import LeakageWarning, NasmetaError, OtherMetricWarning, SettingError

__all__ = ["duration", "mannered", "measured", "names_in", "settings_by_label", "settings_in", "training"]

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo

F = TypeVar("F", bound=Callable[..., None])


def mannered(command: F) -> F:
    """Turn the project's errors and warnings into one line each, and set exit codes: error 2, interrupt 130."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            with _plain_warnings():
                command(*args, **kwargs)
        except NasmetaError as error:
            from rich.console import Console
            from rich.text import Text

            line = Text.assemble(("Error: ", "bold red"), " ".join(str(error).split()))
            Console(stderr=True).print(line, soft_wrap=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

    return run  # type: ignore[return-value]


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show warnings of the project's own kind as a line without the place in the code."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def plain(message: Any, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, (LeakageWarning, OtherMetricWarning)):
                typer.echo(f"Warning: {message}", err=True)
            else:
                show(message, category, *rest, **more)

        warnings.showwarning = plain
        yield


def names_in(text: str | None) -> list[str]:
    """Return the names in a comma-separated list."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def cell_in(text: str) -> int | str:
    """Read a cell: an index where a whole number is written, else its string.

    Examples
    --------
    >>> cell_in("6111"), cell_in("-1"), cell_in("²")
    (6111, -1, '²')
    """
    return int(text) if re.fullmatch(r"\s*-?\d{1,18}\s*", text) else text


def epochs_in(text: str | None) -> list[int | str] | None:
    """Read lengths of training.

    Examples
    --------
    >>> epochs_in("12,200"), epochs_in("50of200, 200"), epochs_in(None)
    ([12, 200], ['50of200', 200], None)
    """
    return None if text is None else [int(one) if one.isdecimal() and len(one) <= 18 else one for one in names_in(text)]


def settings_in(pairs: Iterable[str]) -> dict[str, Any]:
    """Read settings written as ``key=value``: numbers, true, false and null as in JSON, all else as strings.

    Examples
    --------
    >>> settings_in(["population=10", "improvement=full"])
    {'population': 10, 'improvement': 'full'}
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (equals and key.strip()):
            raise SettingError(f"A setting is written key=value, as in --set population=10, not {pair!r}.")
        try:
            settings[key.strip()] = json.loads(value)
        except ValueError:
            settings[key.strip()] = value.strip()
        except RecursionError:
            raise SettingError(f"The setting {key.strip()} has lists within lists, too deep to be read.") from None
    return settings


def settings_by_label(pairs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read settings of several searchers, written as ``searcher:key=value``.

    Examples
    --------
    >>> settings_by_label(["evolution:population=10", "gp:initial=5", "evolution:sample_size=3"])
    {'evolution': {'population': 10, 'sample_size': 3}, 'gp': {'initial': 5}}
    >>> settings_by_label(["my_package.module:MySearcher:reach=3"])
    {'my_package.module:MySearcher': {'reach': 3}}
    """
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        label, colon, _ = pair.partition("=")[0].rpartition(":")  # a label may be package.module:Name
        if not colon or not label.strip():
            raise SettingError(
                f"A setting of one of several searchers is written searcher:key=value, as in --set "
                f"evolution:population=10, not {pair!r:.80}."
            )
        found.setdefault(label.strip(), {}).update(settings_in([pair[len(label) + 1 :]]))
    return found


def duration(seconds: float) -> str:
    """Write a time for people.

    Examples
    --------
    >>> duration(42.0), duration(9000.0), duration(1e6)
    ('42 s', '2.5 h', '11.6 days')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def measured(info: ColumnInfo) -> str:
    """Write how a column was measured: what is known of dataset, split, epochs and seed, and always the release."""
    from nasmeta.tables import trained_on

    parts = (f"dataset {info.dataset}", trained_on(info.dataset, info.split), training(info), f"release {info.release}")
    return ", ".join(part for part in parts if part)


def training(info: ColumnInfo) -> str:
    """Write what is known of split, epochs and seed."""
    said = (("split {}", info.split), ("{} epochs", info.epochs), ("seed {}", info.seed))
    return ", ".join(text.format(value) for text, value in said if value is not None)
