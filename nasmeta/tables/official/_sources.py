"""What official files become in the store: for each release one source of columns and one of learning curves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nasmeta.errors import DamagedFileError
from nasmeta.tables._arrow_file import ColumnFile
from nasmeta.tables.official._curve_file import CurveFile
from nasmeta.tables.sources import SOURCES, WholeSource


class ImportedSource(WholeSource):
    """A source whose columnar file `import_official` writes; raw files are not kept."""

    table = "nb201"
    space = "nb201"
    optional = True


def _register(
    name: str, release: str, licence: str, citation: str, holds: str, what: str, columns: Iterable[str]
) -> None:
    def source(name: str, holds: str, curves: bool) -> type[ImportedSource]:
        points = {"12": "*of12", "200": "*of200", "12,200": "*of12,*of200"}  # of learning curves
        parts = [pattern.split("/") for pattern in columns]
        patterns = ["/".join([*one[:3], points[one[3]] if curves else one[3], one[4]]) for one in parts]
        facts = {
            "__module__": __name__, "name": name, "release": release, "licence": licence, "citation": citation,
            "holds": holds, "curves": curves, "declared": tuple(patterns),
            "how_to_get": f"`nasmeta data import PATH` brings it, where PATH is {what}.",
        }  # fmt: skip
        return type("ImportedSource", (ImportedSource,), facts)

    class Curves(source(name, holds, True)):  # type: ignore[misc]
        def open(self, path: Path) -> CurveFile:
            """Open the file of learning curves, which must be of the same import as the columns."""
            found = CurveFile(path)
            try:
                columns = ColumnFile(path.with_name(f"{name}.arrow")).origin
            except (OSError, DamagedFileError):
                columns = None
            if columns != found.origin:
                raise DamagedFileError(f"{path} is of another import than {name}.arrow beside it, or that is damaged.")
            return found

    Curves.name = f"{name}-curves"
    Curves.holds = f"learning curves: {holds}"
    SOURCES.register(name)(source(name, holds, False))
    SOURCES.register(Curves.name)(Curves)


def imported_source(name: str, *, curves: bool = False) -> ImportedSource:
    """Return one of the sources below."""
    found = SOURCES[f"{name}-curves" if curves else name]()
    assert isinstance(found, ImportedSource)
    return found


_RUNS = "cifar10,cifar10-valid,cifar100,imagenet16-120"
_METRICS = (
    "accuracy,loss,train_seconds,evaluation_seconds,"
    "recorded_parameters,recorded_flops_millions,recorded_latency_seconds"
)
_SHORT = f"{_RUNS}/{_METRICS},accuracy_top5/*/12/111,777,mean"
_LONG = f"{_RUNS}/{_METRICS}/*/200/777,888,999,mean"
_EVERYTHING = "all datasets, splits, seeds, epochs, times and costs that the file holds"
_NB201 = "Dong and Yang, NAS-Bench-201, ICLR 2020"
_NATS = "Dong et al., NATS-Bench, TPAMI 2021"
_register(
    "nats-tss-v1.0-official", "NATS-tss v1.0", "MIT", _NATS, _EVERYTHING,
    "a folder NATS-tss-v1_0-3ffb9-simple or -full, or the file NATS-tss-v1_0-3ffb9.pickle.pbz2",
    (_SHORT, _LONG),
)  # fmt: skip
_register(
    "nb201-v1.0-official", "NB201 v1.0", "MIT", _NB201, _EVERYTHING,
    "the file NAS-Bench-201-v1_0-e61699.pth", (_SHORT.replace(_RUNS, "cifar10,cifar10-valid"), _LONG),
)  # fmt: skip
_register(
    "nb201-v1.1-official", "NB201 v1.1", "MIT", _NB201, _EVERYTHING,
    "the file NAS-Bench-201-v1_1-096897.pth", (_SHORT, _LONG),
)  # fmt: skip
for _dataset, _file in (("cifar10", "cifar10"), ("cifar100", "cifar100"), ("imagenet16-120", "ImageNet16")):
    _register(
        f"naslib-{_dataset}", "NASLib's extract of NAS-Bench-201", "Apache-2.0 (NASLib), MIT (NAS-Bench-201)", _NB201,
        f"{_dataset} after 200 epochs: accuracy and loss, training and evaluation, of seeds that are not stated; costs",
        f"NASLib's file nb201_{_file}_full_training.pickle", (),
    )  # fmt: skip
