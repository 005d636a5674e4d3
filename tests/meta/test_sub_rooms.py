"""Each sub-room of meta could be taken away with its lines in the registries: the rest works without it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nasmeta as nm

REGISTERED = {
    "bilevel": ("maml", "meta-dkl"),
    "in_context": ("in-context", "meta-nas", "meta-rl"),
}
WITHOUT = """
import sys, tempfile

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("nasmeta.meta.{room}"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden())
import nasmeta as nm
from nasmeta.meta import META_PREDICTORS, SavedMetaModel
from nasmeta.searchers import SEARCHERS

for registry in (SEARCHERS, META_PREDICTORS):
    for name in {names}:
        registry.declared.pop(name, None)
for searcher in ("source-order", "meta-gp"):
    print(len(nm.search(searcher, "nb201/cifar100", evaluations=4)))
with tempfile.TemporaryDirectory() as folder:
    nm.meta_train("source-order", leave_out="cifar100", n_labels=40, output=folder + "/order.npz")
    saved = SavedMetaModel.load(folder + "/order.npz")
    print(len(nm.search("source-order", "nb201/cifar100", evaluations=4, sources=saved)))
try:
    nm.meta_train("gp", output="x.npz")
except nm.errors.UnknownNameError as reason:
    print(any(name in str(reason).replace(",", " ").replace(".", " ").split() for name in {names}))
try:
    print(nm.meta.{room})
except ImportError:
    print("hidden")
"""


@pytest.mark.slow
@pytest.mark.parametrize("room", REGISTERED)
def test_the_rest_works_without_a_sub_room(room: str) -> None:
    code = WITHOUT.format(room=room, names=REGISTERED[room])
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == ["4", "4", "4", "False", "hidden"]


def test_no_sub_room_is_imported_before_it_is_asked_for() -> None:
    code = "import sys, nasmeta.meta; print([name for name in sys.modules if name.count('.') > 2 and 'meta.' in name])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not any(f"meta.{room}." in done.stdout for room in REGISTERED)


def test_meta_train_is_at_the_top() -> None:
    assert nm.meta_train is nm.meta.meta_train
