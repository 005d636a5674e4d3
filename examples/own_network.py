"""Compare searchers on your own networks and images: a space, a function that builds the network, and training.

For your own images, write ``folder:PATH`` instead of ``digits``, with one folder per class. Run it from the root of
the repository::

    python examples/own_network.py

It needs PyTorch (``pip install torch safetensors``).
"""

import itertools

import pandas as pd

import nasmeta as nm

listed = itertools.product([8, 16, 24], [1, 2, 3], ["relu", "gelu"])
space = nm.SearchSpace.from_frame(
    pd.DataFrame(listed, columns=["width", "depth", "activation"]), name="small-cnn"
)


def build_network(choices):
    """Return the network of an architecture: a number a class for images of shape (n, 3, height, width)."""
    from torch import nn

    activation = {"relu": nn.ReLU, "gelu": nn.GELU}[choices["activation"]]
    layers, channels = [], 3
    for level in range(int(choices["depth"])):
        width = int(choices["width"]) << level
        layers += [
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            activation(),
        ]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def main() -> None:
    """Train what the searchers propose, each architecture once, and say what they found."""
    from nasmeta.evaluators import TrainingEvaluator
    from nasmeta.training import Recipe

    recipe = Recipe.load("tiny", epochs=3)
    evaluator = TrainingEvaluator(
        space, "digits", recipe, build_network=build_network, isolated=False
    )
    frame = nm.compare(
        ["random", "gp", "asha"],
        evaluator,
        repeats=2,
        evaluations=8,
        settings={"asha": {"epochs": ["1of3", 3]}},
    )
    print(frame.groupby("searcher", observed=True)["incumbent_value"].max().round(2).to_string())
    best = frame.loc[frame["incumbent_value"].idxmax(), "incumbent"]
    print(f"best: {space.to_string(int(best))}")


if __name__ == "__main__":
    main()
