"""The deep kernel of many sources: it reads each of them, which a mean over sources cannot replace."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError
from nasmeta.spaces import get_space
from nasmeta.tasks import SourceTask
from nasmeta.threads import one_thread

torch = pytest.importorskip("torch")
from nasmeta.meta import SavedMetaModel  # noqa: E402
from nasmeta.meta.bilevel._deep_kernel import DeepKernelGP  # noqa: E402

SPACE = get_space("tnb101")
CELLS = np.arange(SPACE.n_cells, dtype=np.int32)


def factors() -> NDArray[np.float64]:
    """Return two functions of all cells that structure does not tell, shape (2, n_cells); copies are alike."""
    return np.random.default_rng(0).standard_normal((2, SPACE.n_cells))[:, SPACE.canonical(CELLS, rule="zero")]


def task(name: str, *weights: float) -> SourceTask:
    return SourceTask(f"made-up/{name}", name, SPACE, CELLS, np.array(weights) @ factors())


SOURCES = [task(name, 1, weight) for name, weight in zip("abcde", (2, -2, 1, -1, 0), strict=True)]
TARGET = task("target", 0.2, 1).utilities  # about what sources differ by, and their mean does not tell


@pytest.fixture(scope="module")
def learnt() -> DeepKernelGP:
    with one_thread():
        predictor = DeepKernelGP("tnb101", steps=30)
        predictor.meta_fit(SOURCES)
        return predictor


def correlation(predictor: DeepKernelGP) -> float:
    labelled = SPACE.sample(20, np.random.default_rng(1))
    predicted = predictor.fit(labelled, TARGET[labelled]).predict(CELLS)
    return float(np.corrcoef(predicted, TARGET)[0, 1])


def test_what_sources_differ_by_is_learnt_from_twenty_labels(learnt: DeepKernelGP) -> None:
    assert np.corrcoef(learnt.prior()[0], TARGET)[0, 1] < 0.3, "the mean does not tell it"
    assert correlation(learnt) > 0.9
    few = DeepKernelGP("tnb101", steps=30)
    few.meta_fit(SOURCES[:3])
    assert len(few.require_meta_model().summary.each) == 0, "with so few groups the sources are not read one by one"


def test_its_file_keeps_what_each_source_says(learnt: DeepKernelGP, tmp_path: Path) -> None:
    path = SavedMetaModel.write(tmp_path / "model.npz", learnt)
    again = SavedMetaModel.load(path).predictor()
    assert correlation(again) == pytest.approx(correlation(learnt), abs=1e-6)
    learnt_summary = learnt.require_meta_model().summary
    assert learnt_summary.each.shape == (4 * len(SOURCES), SPACE.n_cells)
    spoilt = learnt_summary._replace(each=learnt_summary.each[:-1])
    other = DeepKernelGP("tnb101", steps=30)
    other.meta_model_, other.meta_sources_ = learnt.require_meta_model(), learnt.meta_sources_
    other._pack = lambda: ({**learnt._pack()[0], "each": spoilt.each}, learnt._pack()[1])  # type: ignore[method-assign]
    with pytest.raises(DamagedFileError):
        SavedMetaModel.load(SavedMetaModel.write(tmp_path / "spoilt.npz", other)).predictor()
