"""The small policy that `ppo` trains while it searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasmeta.meta.rl._policy import ACTION_FEATURES, WALK_FEATURES, View
from nasmeta.meta.rl._ppo import clipped_update
from nasmeta.meta.rl._walks import moves_of
from nasmeta.spaces import SearchSpace

if TYPE_CHECKING:
    from nasmeta.meta.rl._ppo_search import Move


_HIDDEN, _LEARNING_RATE, _EPOCHS = 32, 0.01, 6
_DISCOUNT, _ENTROPY_WEIGHT = 0.8, 0.02  # the second is a reward for undecided actions, in nats


class StepPolicy(nn.Module):
    """Scores of all actions, and a critic, from the current cell and what the walk has seen; without memory."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        super().__init__()
        self._codes = torch.tensor(moves_of(space)[1])
        n_state = self._codes.shape[1] + len(WALK_FEATURES)
        self.of_state = nn.Linear(n_state, _HIDDEN)
        self.by_position = nn.Linear(_HIDDEN, self._codes.shape[1] + 1)
        self.of_action = nn.Linear(len(ACTION_FEATURES), _HIDDEN)
        self.score = nn.Linear(_HIDDEN, 1, bias=False)
        self.critic = nn.Linear(_HIDDEN, 1)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weights in self.parameters():
                if weights.ndim > 1:
                    nn.init.orthogonal_(weights, generator=generator)
                else:
                    weights.zero_()
            self.by_position.weight.mul_(0.01)
            self.score.weight.mul_(0.1)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=_LEARNING_RATE)

    def forward(self, state: Tensor, actions: Tensor, possible: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (n, a) and values (n,)."""
        hidden = torch.tanh(self.of_state(state))
        mixed = torch.tanh(self.of_action(actions) + hidden[:, None])
        scores: Tensor = self.score(mixed)[..., 0] + self.by_position(hidden)
        return scores.masked_fill(~possible, -1e9), self.critic(hidden)[..., 0]

    def _state(self, views: Sequence[View], cells: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        walks = torch.as_tensor(np.concatenate([view.walk for view in views]))
        state = torch.cat([self._codes[list(cells)], walks], dim=1)
        actions = torch.as_tensor(np.concatenate([view.actions for view in views]))
        return state, actions, torch.as_tensor(np.concatenate([view.possible for view in views]))

    def scores(self, view: View, here: int) -> NDArray[np.float32]:
        """Return the score of each action, float32, shape (a,)."""
        with torch.no_grad():
            scores: NDArray[np.float32] = self(*self._state([view], [here]))[0][0].numpy()
        return scores

    def learn(self, moves: Sequence[Move], gains: NDArray[np.float32], rng: np.random.Generator) -> None:
        """Take clipped updates from moves in their order and what each gained."""
        state, actions, possible = self._state([move.view for move in moves], [move.before for move in moves])
        chosen = torch.tensor([move.action for move in moves])
        before = torch.tensor([move.log_probability for move in moves])
        with torch.no_grad():
            values = self(state, actions, possible)[1].numpy()
        returns = np.empty(len(moves), dtype=np.float32)
        later = values[-1]
        for i in range(len(moves) - 1, -1, -1):
            later = gains[i] + _DISCOUNT * later
            returns[i] = later
        advantage = torch.as_tensor(returns - values)
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        for _ in range(_EPOCHS):
            for part in np.array_split(rng.permutation(len(moves)), 2):
                rows = torch.as_tensor(part)
                scores, worth = self(state[rows], actions[rows], possible[rows])
                log_all = torch.log_softmax(scores, dim=-1)
                targets = advantage[rows], worth, torch.as_tensor(returns)[rows]
                clipped_update(self, self.optimizer, log_all, chosen[rows], before[rows], *targets, _ENTROPY_WEIGHT)
