"""A meta-training gives the same file, to the bit, whatever ran before it in the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

LEARNERS = {"maml": {"steps": 2}}
BEFORE = {
    "alone": "",
    "after a search and PyTorch on several threads": (
        "nm.search('gp', 'nb201/cifar10', evaluations=8)\n"
        "import torch; torch.set_num_threads(2); (torch.randn(600, 600) @ torch.randn(600, 600)).sum()"
    ),
}
TRAIN = """
from hashlib import sha256
from pathlib import Path
import nasmeta as nm
{before}
for learner, settings in {learners}.items():
    out = Path({folder!r}) / (learner + ".npz")
    nm.meta_train(learner, leave_out="cifar100", settings=settings, output=out, replace=True)
    print(learner, sha256(out.read_bytes()).hexdigest())
import torch
print(torch.get_num_threads())
"""


def said(before: str, learners: dict[str, dict[str, int]], folder: Path) -> list[str]:
    code = TRAIN.format(before=before, learners=learners, folder=str(folder))
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_the_file_does_not_depend_on_what_ran_before(tmp_path: Path) -> None:
    found = {name: said(before, LEARNERS, tmp_path) for name, before in BEFORE.items()}
    first = found["alone"][:-1]
    assert len(first) == len(LEARNERS)
    for name, lines in found.items():
        assert lines[:-1] == first, name
    assert found["after a search and PyTorch on several threads"][-1] == "2", (
        "the number of threads is put back"
    )
