"""The sources that the import of official files of NAS-Bench-201 writes."""

from __future__ import annotations

from nasmeta.tables.sources._base import Source

_METRICS = (
    "accuracy,loss,train_seconds,evaluation_seconds,"
    "recorded_parameters,recorded_flops_millions,recorded_latency_seconds"
)
_ALL_RUNS = "cifar10,cifar10-valid,cifar100,imagenet16-120"
_NB201 = "Dong and Yang, NAS-Bench-201, ICLR 2020"


class ImportedSource(Source):
    """The columns, or the learning curves, of a release."""

    table = space = "nb201"
    optional = imported = True
    licence = "MIT"

    def __init__(
        self,
        name: str,
        release: str,
        citation: str,
        path: str,
        short_runs: str = _ALL_RUNS,
        *,
        curves: bool = False,
    ) -> None:
        self.name, self.release, self.citation, self.curves = name, release, citation, curves
        self.how_to_get = f"Run `nasmeta data import PATH`; PATH is {path}."
        self.holds = "all datasets, splits, seeds, epochs, times and costs of the file"
        metrics, points = _METRICS, ""
        if curves:
            self.holds = "learning curves"
            metrics, points = "accuracy,loss", "*of"
        self.declared = (
            f"{short_runs}/{metrics},accuracy_top5/*/{points}12/111,777,mean",
            f"{_ALL_RUNS}/{metrics}/*/{points}200/777,888,999,mean",
        )


_RELEASES = (
    (
        "nats-tss-v1.0-official", "NATS-tss v1.0", "Dong et al., NATS-Bench, TPAMI 2021",
        "a folder NATS-tss-v1_0-3ffb9-simple or -full, or the file NATS-tss-v1_0-3ffb9.pickle.pbz2",
    ),
    ("nb201-v1.0-official", "NB201 v1.0", _NB201, "the file NAS-Bench-201-v1_0-e61699.pth", "cifar10,cifar10-valid"),
    ("nb201-v1.1-official", "NB201 v1.1", _NB201, "the file NAS-Bench-201-v1_1-096897.pth"),
)  # fmt: skip
IMPORTED: dict[str, ImportedSource] = {}
for _name, *_facts in _RELEASES:
    IMPORTED[_name] = ImportedSource(_name, *_facts)
    IMPORTED[f"{_name}-curves"] = ImportedSource(f"{_name}-curves", *_facts, curves=True)
