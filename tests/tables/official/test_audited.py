"""Files in the layout of the two releases of NAS-Bench-201, imported and audited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nasmeta.spaces import get_space
from nasmeta.tables import load_table
from nasmeta.tables._arrow_file import ColumnFile, encode
from nasmeta.tables.audit import run_audit
from nasmeta.tables.official import Imported, import_official

CELL = 5


class Consistent:
    """Makes numbers of the official layout that keep what is known of the real ones."""

    def __init__(self) -> None:
        self.space = get_space("nb201")
        self.table = load_table("nb201")

    def changed(self, content: dict[str, Any]) -> dict[str, Any]:
        for cell, infos in content["arch2infos"].items():
            for record in infos.values():
                for (run, _), trial in record["all_results"].items():
                    self._keep(cell, run, trial)
        return content

    def _keep(self, cell: int, run: str, trial: dict[str, Any]) -> None:
        dataset, epochs = run.removesuffix("-valid").lower(), trial["epochs"]
        trial["params"] = int(self.space.params(cell, dataset)) / 1e6
        trial["flop"] = int(self.space.flops(cell, dataset)) / 1e6
        seconds = self.table.query(cell, "cifar10", "train_seconds", "train", 200, "mean") / 200
        factor = {"cifar10-valid": 1.0, "cifar10": 2.0, "cifar100": 2.0, "ImageNet16-120": 6.068}[run]
        trial["train_times"] = dict.fromkeys(range(epochs), seconds * factor)
        for values in (trial["eval_acc1es"], trial["eval_losses"]):
            for epoch in range(epochs):
                halves = [values.get(f"{split}@{epoch}") for split in ("x-valid", "x-test")]
                if None not in halves:
                    values[f"ori-test@{epoch}"] = sum(halves) / 2


@pytest.fixture(params=["v1.0", "v1.1"])
def imported(request: pytest.FixtureRequest, own_cache: Path, tmp_path: Path, official: Any, write: Any) -> Imported:
    """Return what the import of a file of a release's layout, with 12 cells, brought."""
    runs = ("cifar10-valid",) if request.param == "v1.0" else ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
    content = Consistent().changed(official.whole(range(12), ("less", "full"), runs))
    found = import_official(write["old_torch"](content, tmp_path / "file.pth"))
    assert found.release == f"NB201 {request.param}"
    return found


def planted(path: Path, address: str, factor: float, plus: float) -> None:
    """Put a copy in the place of a columnar file in which one value is another."""
    file = ColumnFile(path)
    columns = [(info, file.column(i).copy()) for i, info in enumerate(file.infos)]
    values = columns[[info.address for info in file.infos].index(address)][1]
    values[CELL] = factor * values[CELL] + plus
    content = encode(file.search_space, columns, file.origin)
    path.unlink()
    path.write_bytes(content)


@pytest.mark.slow
def test_a_file_of_a_release_holds_what_is_known(imported: Imported) -> None:
    source = imported.source
    audit = run_audit(["nb201"])
    assert [row for row in audit.rows if row.new] == []
    checked = {row.check for row in audit.rows if row.finding.source == source}
    assert {"whole-files", "legal", "ranges", "means", "halves", "times", "parameters", "curves"} <= checked
    columns = {row.finding.columns for row in audit.rows if row.check == "parameters" and row.finding.source == source}
    assert "cifar100/recorded_flops_millions/train/200/888" in columns
    whole = imported.path.read_bytes()
    for check, address, factor, plus in (
        ("halves", "cifar100/accuracy/valid+test/200/777", 1, 0.01),
        ("times", "cifar10/train_seconds/train/12/mean", 1.001, 0),
        ("parameters", "cifar10/recorded_parameters/train+valid/200/888", 1, 28_000),
        ("means", "cifar100/accuracy/valid+test/200/mean", 1, 0.01),
        ("curves", "cifar100/accuracy/valid+test/200/777", 1, 0.01),
    ):
        planted(imported.path, address, factor, plus)
        found = [row for row in run_audit(["nb201"], [check]).rows if CELL in row.new]
        assert found, check
        assert all(row.finding.source == source for row in found)
        imported.path.write_bytes(whole)
