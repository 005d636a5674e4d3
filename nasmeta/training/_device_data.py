"""A data set on the device, as one tensor of bytes, augmented in batches there."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nasmeta.training._dataset import SPLITS, ImageDataset


class DeviceData:
    """Images and labels on a device, and batches of them as a network takes them.

    The images lie there once, as bytes and with the crops' black padding around them, so that a random crop is one
    gather and an image without augmentation is a view.
    """

    def __init__(
        self, dataset: ImageDataset, device: torch.device, padding: int = 0, channels_last: bool = False
    ) -> None:
        self.device, self.padding = device, padding
        self.height, self.width = dataset.image_size
        # padded there, so that no second copy of all images is made here
        images = torch.from_numpy(np.ascontiguousarray(dataset.images)).to(device)
        self.images = torch.nn.functional.pad(images, (padding,) * 4) if padding else images
        self.labels = torch.from_numpy(np.ascontiguousarray(dataset.labels)).to(device)
        self.positions = {name: torch.from_numpy(np.array(dataset.splits[name])).to(device) for name in SPLITS}
        self._mean = torch.tensor(dataset.mean, device=device).view(1, -1, 1, 1) * 255
        self._scale = 1 / (torch.tensor(dataset.std, device=device).view(1, -1, 1, 1) * 255)
        self._format = torch.channels_last if channels_last else torch.contiguous_format

    def standardised(self, images: Tensor) -> Tensor:
        """Turn bytes into what a network takes, float32."""
        return ((images.float() - self._mean) * self._scale).contiguous(memory_format=self._format)

    def plain(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return images without augmentation, float32, shape (n, 3, height, width), and labels."""
        p = self.padding
        inner = self.images[:, :, p : p + self.height, p : p + self.width]
        return self.standardised(inner[positions]), self.labels[positions]

    def augmented(self, positions: Tensor, draws: Augmentation) -> tuple[Tensor, Tensor]:
        """Return images, cropped and flipped as drawn for each, and labels."""
        rows = draws.top[:, None] + torch.arange(self.height, device=self.device)
        columns = torch.arange(self.width, device=self.device).expand(len(positions), -1)
        columns = draws.left[:, None] + torch.where(draws.flip[:, None], self.width - 1 - columns, columns)
        channels = torch.arange(self.images.shape[1], device=self.device)
        cropped = self.images[
            positions[:, None, None, None], channels[:, None, None], rows[:, None, :, None], columns[:, None, None, :]
        ]
        return self.standardised(cropped), self.labels[positions]


class Augmentation:
    """What was drawn for each image of an epoch: where its crop begins, and whether it is mirrored.

    Parameters
    ----------
    n : int
    padding : int
        A crop begins at 0 to twice the padding.
    flip : bool
    generator : torch.Generator
    """

    def __init__(self, n: int, padding: int, flip: bool, generator: torch.Generator) -> None:
        device = generator.device
        self.top, self.left = torch.randint(2 * padding + 1, (2, n), generator=generator, device=device)
        if flip:
            self.flip = torch.rand(n, generator=generator, device=device) < 0.5
        else:
            self.flip = torch.zeros(n, dtype=torch.bool, device=device)

    def __getitem__(self, part: slice) -> Augmentation:
        """Return what was drawn for some of the images."""
        found = object.__new__(Augmentation)
        found.top, found.left, found.flip = self.top[part], self.left[part], self.flip[part]
        return found

    def to(self, device: torch.device) -> Augmentation:
        """Return the same on a device."""
        found = object.__new__(Augmentation)
        found.top, found.left, found.flip = (drawn.to(device) for drawn in (self.top, self.left, self.flip))
        return found
