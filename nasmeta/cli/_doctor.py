"""``nasmeta doctor``."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Annotated

import typer

from nasmeta.cli._cli_utils import cli_command, names_in
from nasmeta.errors import SettingError

_FOR_DEVELOPERS = ("bench", "browser", "cluster", "dev", "docs", "nb201", "test")


@cli_command
def doctor(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TABLE]...",
            help="Your tables to look at: names, files or folders of files. Default: all that were added.",
        ),
    ] = None,
    space: Annotated[str | None, typer.Option(help="Space of the tables in .csv, .tsv or .parquet files.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="Instead of --space: the columns that describe an architecture.")
    ] = None,
) -> None:
    """Show versions, cache, extras, device and your own tables; exit code 1 if something is broken.

    Of each table it says whether it opens, its datasets and metrics, and what is odd: accuracies that look like
    fractions among percents, means that are not those of their seeds, and test values without validation values.
    """
    import nasmeta as nm

    broken: list[str] = []
    needs, extras = _requirements()
    lines = {
        "nasmeta": f"{nm.__version__}, in {Path(nm.__file__).parent}",
        "Python": f"{platform.python_version()}, {sys.executable}",
        "platform": f"{platform.platform()}, {os.cpu_count()} processors",
        "packages": ", ".join(_states(needs, broken)) or "unknown: nasmeta runs from its folder, not installed",
        "cache": _cache(broken),
        "mirror": _mirror(broken),
        "device": _device(),
    }
    for name, text in lines.items():
        typer.echo(f"{name:<10}{text}")
    for extra, packages in extras.items():
        missing = [package for package in packages if _installed(package) is None]
        hint = f'pip install "nasmeta[{extra}]" brings {", ".join(missing)}'
        typer.echo(f"{'extra':<10}{extra}: {hint if missing else 'installed'}")
    for line in _tables(tables, space, columns, broken):
        typer.echo(line)
    for problem in broken:
        typer.echo(f"BROKEN: {problem}")
    if broken:
        raise typer.Exit(1)
    typer.echo("All is well.")


def _requirements() -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the lower bounds of what is needed, by package, and the packages of each extra that a user may want."""
    needs: dict[str, str] = {}
    extras: dict[str, list[str]] = {}
    with suppress(PackageNotFoundError):
        for line in requires("nasmeta") or ():
            package, bound, extra = re.fullmatch(  # type: ignore[union-attr]
                r"""([\w.-]+)(?:\[[^]]*\])?(?:>=([\w.]+))?(?:\s*;\s*extra == ['"]([\w-]+)['"])?""", line
            ).groups()
            if extra is None:
                needs[package] = bound
            elif extra not in _FOR_DEVELOPERS and package != "nasmeta":
                extras.setdefault(extra, []).append(package)
    return needs, extras


def _states(needs: dict[str, str], broken: list[str]) -> Iterator[str]:
    for package, bound in needs.items():
        found = _installed(package)
        yield f"{package} {found or 'missing'}"
        if found is None or _release(found) < _release(bound or "0"):
            broken.append(
                f"nasmeta needs {package}>={bound}, here it is {found or 'missing'}: pip install -U {package}"
            )


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", re.match(r"[\d.]*", text)[0]))  # type: ignore[index]


def _cache(broken: list[str]) -> str:
    from nasmeta.settings import cache_folder

    try:
        folder = cache_folder()
    except SettingError as reason:
        broken.append(str(reason))
        return "cannot be used"
    if not folder.is_dir():
        return f"{folder} (not there yet)"
    if not os.access(folder, os.W_OK):
        broken.append(f"{folder} cannot be written to: set NASMETA_CACHE to a folder that can.")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{folder} ({size / 1e6:,.1f} MB)"


def _mirror(broken: list[str]) -> str:
    from nasmeta.settings import mirror_address

    mirror = mirror_address()
    if mirror is not None and "://" not in mirror and not Path(mirror).expanduser().is_dir():
        broken.append(f"NASMETA_MIRROR is {mirror}, and there is no such folder.")
    return mirror or "none (NASMETA_MIRROR)"


def _tables(names: list[str] | None, space: str | None, columns: str | None, broken: list[str]) -> Iterator[str]:
    """Yield what is found of each table in lines; those that do not open are broken."""
    from nasmeta.tables import added_tables, examine

    if names is None:
        try:
            names = list(added_tables())
        except SettingError:  # the cache cannot be used, which is told
            return
    for found in (one for name in names for one in examine(name, space, names_in(columns))):
        if found.table is None:
            broken.append(f"{found.name} does not open: {' '.join(found.why.split())}")
            continue
        infos, size = found.table.columns, found.table.space.size
        metrics = ", ".join(dict.fromkeys(f"{i.metric} ({i.unit}, {i.direction})" for i in infos))
        datasets = ", ".join(found.table.datasets)
        yield f"{'table':<10}{found.name}: opens; {size:,} architectures; datasets {datasets}; metrics {metrics}"
        yield from (f"{'odd':<10}{found.name}: {' '.join(odd.split())}" for odd in found.odd)


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "CPU; training and neural models need the extra torch"
    if not torch.cuda.is_available():
        threads = torch.get_num_threads()
        return f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return f"CUDA: {', '.join(names)}"
