"""Train the transformer: once on all families, and once without each group of families.

Run with ``python reports/meta/in_context_train.py``: it writes the files in in_context/likelihood,
in about half an hour on one core. The same seed gives the same files. ``in_context_search.py``
continues from them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch

from nasmeta.archives import digest_of
from nasmeta.arrays import Integers
from nasmeta.meta.in_context import WEIGHTS_FILE, Reading, Similarity
from reports.meta.in_context_network import TrainedNetwork, negative_log_likelihood
from reports.meta.in_context_tasks import FAMILIES, GROUPS, SIZES, Bank, Pool, banks, draw, seen_in

EPISODES = 1200  # of each size of context
STEPS, BATCH, RATE = 4000, 12, 2e-3
_SHARE_DRAWN = 0.25  # of episodes on functions drawn from processes
LIKELIHOOD = Path(__file__).parent / "in_context" / "likelihood"


def pools(every: list[Bank], episodes: int) -> dict[int, Pool]:
    """Return episodes by the size of the context."""
    similarity_of = cache(Similarity)
    pool_of_size = {}
    real = {bank.family: bank for bank in every}
    drawn = [bank for bank in every if bank.family.startswith("drawn")]
    for size in SIZES:
        rng, families, readings, wanted = np.random.default_rng([size, 3]), [], [], []
        usable = [f for f in FAMILIES if len(real[f].architectures) >= 2 * size]
        for _ in range(episodes):
            one = drawn[rng.integers(len(drawn))]
            if rng.random() >= _SHARE_DRAWN or len(one.architectures) < 2 * size:
                one = real[usable[rng.integers(len(usable))]]
            reading, truth = draw(one, similarity_of(one.space), size, rng)
            families.append(one.family.removeprefix("drawn "))
            readings.append(Reading(*(part.astype(np.float16) for part in reading)))
            wanted.append(truth)
        pool_of_size[size] = Pool(families, readings, np.stack(wanted))
    return pool_of_size


def batch_of(pool: Pool, chosen: Integers) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return the network's arguments and the targets."""
    some = [pool.readings[i] for i in chosen]
    parts = [
        torch.from_numpy(np.stack([one[k] for one in some]).astype(np.float32))
        for k in range(len(Reading._fields))
    ]
    return parts, torch.from_numpy(pool.wanted[chosen])


def write(
    folder: Path,
    network: TrainedNetwork,
    without: str,
    steps: int,
    seed: int,
    searches: bool = False,
) -> None:
    """Write weights, without the search head unless it `searches`, and what they were trained on."""
    families = [family for family in FAMILIES if family not in GROUPS.get(without, ())]
    seen = [seen_in(family) for family in families]
    card = {
        "families": families,
        "spaces": sorted({space for space, _ in seen}),
        "seen": sorted(set().union(*(names for _, names in seen))),
        "steps": steps,
        "seed": seed,
    }
    folder.mkdir(parents=True, exist_ok=True)
    left_out = () if searches else ("search.", "sharpness")
    halves = {
        name: array.astype(np.float16)
        for name, array in network.weights().items()
        if not name.startswith(left_out)
    }
    path = folder / ("all.npz" if without == "nothing" else f"without-{without}.npz")
    path.write_bytes(WEIGHTS_FILE.encode({**card, "sha256": digest_of(card, halves)}, halves))
    print(f"Written: {path} ({path.stat().st_size:,} bytes)", flush=True)


def train(pool_of_size: dict[int, Pool], without: str, steps: int, seed: int) -> TrainedNetwork:
    """Return the network that has not seen a group of families."""
    hidden = GROUPS.get(without, ())
    kept = {
        size: np.array([i for i, f in enumerate(pool.families) if f not in hidden])
        for size, pool in pool_of_size.items()
    }
    torch.manual_seed(seed)
    network = TrainedNetwork()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=steps, pct_start=0.1
    )
    rng = np.random.default_rng([seed, 4])
    sizes, running = list(pool_of_size), []
    for step in range(steps):
        size = sizes[rng.integers(len(sizes))]
        arguments, wanted = batch_of(
            pool_of_size[size], rng.choice(kept[size], BATCH, replace=False)
        )
        optimiser.zero_grad()
        loss = negative_log_likelihood(*network(*arguments)[:2], wanted).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        running.append(float(loss.detach()))
        if (step + 1) % 1000 == 0:
            print(
                f"without {without}: step {step + 1}, loss {np.mean(running[-1000:]):.4f}",
                flush=True,
            )
    return network


def main() -> None:
    """Train all and write the files."""
    torch.set_num_threads(1)
    pool_of_size = pools(list(banks()), EPISODES)
    for group in (*GROUPS, "nothing"):
        write(LIKELIHOOD, train(pool_of_size, group, STEPS, 0), group, STEPS, 0)


if __name__ == "__main__":
    main()
