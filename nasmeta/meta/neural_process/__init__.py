"""A transformer that takes a target's labels as its context: adaptation is one forward pass."""

from nasmeta.meta.neural_process._network import NeuralProcess
from nasmeta.meta.neural_process._predictor import MetaNP

__all__ = ["MetaNP", "NeuralProcess"]
