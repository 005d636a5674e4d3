"""A meta-model in words and in a picture: its numbers are those of the model."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from nasmeta.errors import SettingError
from nasmeta.meta import SavedMetaModel, meta_train


@pytest.mark.parametrize("kind", ["meta-gp", "meta-linear", "rgpe", "source-order"])
def test_what_is_said_of_a_model(kind: str, tmp_path: Path) -> None:
    saved = meta_train(kind, leave_out="cifar10", n_labels=60, out=tmp_path / "model.npz")
    said = saved.describe()
    assert "nb201/cifar100 (60 labels), nb201/imagenet16-120 (60 labels)." in said
    assert "No honest test on: cifar100, imagenet16-120." in said
    if kind == "meta-gp":
        model = saved.searcher(np.random.default_rng(0)).meta_model_
        for name, scale in zip(model.features, model.hyperparameters.lengthscales, strict=True):
            assert re.search(rf"^  {name}: .* lengthscale {scale:.3g}$", said, re.MULTILINE)
        space = saved.space
        effect = model.mean[space.codes[:, 0] == 3].mean() - model.mean.mean()
        assert f"nor_conv_3x3 {effect:+.2f}" in next(line for line in said.splitlines() if line.startswith("  0->1"))
        std, scales, first, *_ = saved.plot(width="icml").axes
        assert [text.get_text() for text in std.get_yticklabels()] == list(model.features)
        assert [bar.get_width() for bar in scales.patches] == list(model.hyperparameters.lengthscales)
        assert [text.get_text() for text in saved.plot().axes[2].get_xticklabels()][3] == "conv 3×3"
        (dots,) = [line for line in first.lines if line.get_marker() == "o"]
        assert dots.get_ydata()[3] == pytest.approx(effect)
    elif kind == "source-order":
        with pytest.raises(SettingError, match="source-order"):
            saved.plot()
    else:
        assert len(saved.plot().axes) == saved.space.n_positions
    assert ("0->1:" in said) == (kind in ("meta-gp", "meta-linear", "rgpe"))


@pytest.mark.parametrize("name", sorted(SavedMetaModel.shipped()))
def test_shipped_models_describe_themselves(name: str) -> None:
    pytest.importorskip("torch", reason="Needs the extra torch.")
    assert SavedMetaModel.load(name).describe().startswith(name[:7])
