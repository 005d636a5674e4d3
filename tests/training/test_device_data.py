"""Augmentation on the device, against the same done image by image."""

import numpy as np
import pytest
import torch

from nasmeta.training import ImageDataset
from nasmeta.training._device import Augmentation, DeviceData

CPU = torch.device("cpu")


@pytest.mark.parametrize(("padding", "flip"), [(0, False), (2, False), (3, True)])
def test_crops_and_flips_are_those_of_single_images(padding: int, flip: bool) -> None:
    dataset = ImageDataset.load("digits").subset(40)
    data = DeviceData(dataset, CPU, padding)
    positions = data.positions["train"]
    draws = Augmentation.draw(len(positions), padding, flip, torch.Generator().manual_seed(1))
    images, labels = data.augmented(positions[5:25], draws.part(slice(5, 25)))
    assert images.dtype == torch.float32
    for row, position in enumerate(dataset.splits["train"][5:25]):
        raw = dataset.images[position]
        padded = np.pad(raw, ((0, 0), (padding, padding), (padding, padding)))
        top, left = int(draws.top[5 + row]), int(draws.left[5 + row])
        crop = padded[:, top : top + 8, left : left + 8]
        if draws.flip[5 + row]:
            crop = crop[:, :, ::-1]
        expected = (crop / 255 - dataset.mean[0]) / dataset.std[0]
        np.testing.assert_allclose(images[row], expected, atol=1e-5)
        assert labels[row] == dataset.labels[position]


def test_draws_are_uniform_and_from_the_generator_alone() -> None:
    state = torch.get_rng_state()
    draws = Augmentation.draw(9000, 1, True, torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), state)
    for drawn in (draws.top, draws.left):
        np.testing.assert_allclose(np.bincount(drawn) / 9000, 1 / 3, atol=0.03)
    assert float(draws.flip.float().mean()) == pytest.approx(0.5, abs=0.03)
    assert not torch.equal(draws.top, draws.left)


def test_plain_images_are_standardised() -> None:
    data = DeviceData(ImageDataset.load("digits"), CPU, padding=2, channels_last=True)
    images, _ = data.plain(data.positions["train"])
    np.testing.assert_allclose(images.mean((0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(images.std((0, 2, 3)), 1, atol=1e-4)
    assert images.is_contiguous(memory_format=torch.channels_last)
