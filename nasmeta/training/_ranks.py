"""The processes that train one network together."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from nasmeta.errors import SettingError

_VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is; one alone has nobody to ask."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process keeps the folder."""
        return self.rank == 0

    def shares(self, n: int) -> tuple[slice, float]:
        """Return this process's part of n images, and what they weigh.

        Of so few that a process had less than two, which batch norm needs, each takes all for its share of the weight.
        """
        return (slice(None), 1 / self.count) if n < 2 * self.count else (slice(self.rank, None, self.count), 1.0)

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Put the sum over all processes in the place of each tensor, in one message a kind of number."""
        if self.count == 1:
            return
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault(tensor.dtype, []).append(tensor)
        for own in kinds.values():
            whole = torch.cat([tensor.reshape(-1) for tensor in own])
            distributed.all_reduce(whole)
            for tensor, part in zip(own, torch.split(whole, [tensor.numel() for tensor in own]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def wait(self, done: int = 0) -> bool:
        """Wait for all processes; say whether all have done as much as this one."""
        most = torch.tensor([done, -done])
        if self.count > 1:
            on_cards = str(distributed.get_backend()) == "nccl"
            most = most.to(torch.device("cuda", torch.cuda.current_device()) if on_cards else "cpu")
            distributed.all_reduce(most, distributed.ReduceOp.MAX)
        return most.tolist() == [done, -done]

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Put the mean over all processes in the place of each tensor of numbers with fractions."""
        some = [tensor for tensor in tensors if tensor.is_floating_point()]
        self.add(some)
        for tensor in some if self.count > 1 else ():
            tensor /= self.count


def ranks_of(device: torch.device, together: bool) -> tuple[Ranks, torch.device]:
    """Join the processes that torchrun has started; return this one's number and device.

    Raises
    ------
    SettingError
        Where torchrun has started none.
    """
    if not together:
        return Ranks(), device
    if missing := [name for name in _VARIABLES if name not in os.environ]:
        raise SettingError(
            f"A training in several processes is started by torchrun, which sets {', '.join(missing)}: `torchrun "
            "--nproc-per-node 4 -m nasmeta train CELL --distributed`."
        )
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    if not distributed.is_initialized():  # a second group would find the first one's addresses
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(distributed.destroy_process_group)
    return Ranks(distributed.get_rank(), distributed.get_world_size()), device
