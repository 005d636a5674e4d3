"""The recurrent policy and its critic in torch, for training; search itself needs only `Policy`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nasmeta.meta.rl._features import ACTION_FEATURES, WALK_FEATURES
from nasmeta.meta.rl._policy import Policy

N_PRIVILEGED = 5


class ActorCritic(nn.Module):
    """A GRU over the walk, a score for each action, and a critic that also sees where the optimum is.

    The critic serves in training only, so it may know what a policy must not.
    """

    def __init__(self, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        n_walk, n_action = len(WALK_FEATURES), len(ACTION_FEATURES)
        self.recurrent = nn.GRU(n_walk + n_action, hidden, batch_first=True)
        self.of_memory = nn.Linear(hidden, hidden)
        self.of_action = nn.Linear(n_action, hidden, bias=False)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.direct = nn.Linear(n_action, 1, bias=False)
        self.critic = nn.Sequential(
            nn.Linear(hidden + N_PRIVILEGED + n_walk, hidden),
            nn.Tanh(),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
            nn.Linear(hidden, 1),
        )
        with torch.no_grad():
            for weights in self.parameters():
                if weights.ndim > 1:
                    nn.init.orthogonal_(weights, generator=generator)
                else:
                    weights.zero_()
            self.score.weight.mul_(0.1)
            # A sensible beginning: go where sources and what was seen nearby promise most.
            self.direct.weight.zero_()
            self.direct.weight[0, ACTION_FEATURES.index("predicted gain")] = 3.0
            self.direct.weight[0, ACTION_FEATURES.index("is new")] = 3.0
            self.direct.weight[0, ACTION_FEATURES.index("best untried neighbour's prior below the best untried")] = 1.0

    def remember(self, inputs: Tensor, live: Tensor | None = None) -> Tensor:
        """Return the hidden state after each step: from shape (n, t, inputs) to (n, t, hidden).

        Where `live` (n, t) says how long each search is, what follows its end is not computed, and 0.
        """
        if live is None:
            memory: Tensor = self.recurrent(inputs)[0]
            return memory
        lengths = live.sum(dim=1).clamp(min=1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        steps, _ = nn.utils.rnn.pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, total_length=inputs.shape[1]
        )
        return steps

    def logits(self, memory: Tensor, actions: Tensor, possible: Tensor) -> Tensor:
        """Score actions: memory (..., hidden), actions (..., a, features), possible (..., a)."""
        mixed = torch.relu(self.of_memory(memory)[..., None, :] + self.of_action(actions))
        scores: Tensor = (self.score(mixed) + self.direct(actions))[..., 0]
        return scores.masked_fill(~possible, -1e9)

    def worth(self, memory: Tensor, inputs: Tensor, secrets: Tensor) -> Tensor:
        """Return the critic's expected return of each step, shape (n, t)."""
        seen = torch.cat([memory, secrets, inputs[..., : len(WALK_FEATURES)]], dim=-1)
        value: Tensor = self.critic(seen)[..., 0]
        return value

    def policy(self) -> Policy:
        """Return the policy without the critic, in NumPy."""
        hidden = self.recurrent.hidden_size
        state = {name: weights.detach().cpu() for name, weights in self.state_dict().items()}
        return Policy({name: state[name].numpy().copy() for name in Policy.shapes(hidden)})
