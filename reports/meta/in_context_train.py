"""Train the in-context learner: once on all families, and once without each group of families.

Run with ``python reports/meta/in_context_train.py``: it writes the files in benchmarks_data/in_context, in about half
an hour on one core. Banks and episodes are kept in ``--cache``; the same seed gives the same files.
"""

from __future__ import annotations

import argparse
import csv
import math
import pickle
import time
from pathlib import Path

import numpy as np
import torch
from in_context_network import TrainedNetwork
from in_context_tasks import FAMILIES, GROUPS, SIZES, Bank, Pool, banks, draw, seen_in
from numpy.typing import NDArray
from scipy.stats import kendalltau

from nasmeta.meta.in_context._network import save_weights
from nasmeta.meta.in_context._reading import Reading, Similarity

EPISODES = 1200  # of each size of context
STEPS, BATCH, RATE = 4000, 12, 2e-3
_SHARE_DRAWN = 0.25  # of episodes on functions drawn from processes
CHECKED = 150  # episodes of each size
LOGGED = ("without", "steps", "loss", "seconds", "labels", "network", "best_expert", "mean_of_experts")
_MOST_LOSS = 8.0
HERE = Path(__file__).parent


def pools(folder: Path, every: list[Bank], episodes: int) -> dict[int, Pool]:
    """Return episodes by the size of the context."""
    known: dict[str, Similarity] = {}
    pool_of_size = {}
    for size in SIZES:
        path = folder / f"episodes-{size}-{episodes}.pickle"
        if not path.is_file():
            rng = np.random.default_rng([size, 3])
            began = time.monotonic()
            families, readings, wanted = [], [], []
            real = {family: next(b for b in every if b.family == family) for family in FAMILIES}
            drawn = [bank for bank in every if bank.family.startswith("drawn")]
            usable = [f for f in FAMILIES if len(real[f].architectures) >= 2 * size]
            for _ in range(episodes):
                one = drawn[rng.integers(len(drawn))]
                if rng.random() >= _SHARE_DRAWN or len(one.architectures) < 2 * size:
                    one = real[usable[rng.integers(len(usable))]]
                if one.space.name not in known:
                    known[one.space.name] = Similarity(one.space)
                reading, truth = draw(one, known[one.space.name], size, rng)
                families.append(one.family.removeprefix("drawn "))
                readings.append(Reading(*(part.astype(np.float16) for part in reading)))
                wanted.append(truth)
            path.write_bytes(pickle.dumps((families, list(map(tuple, readings)), np.stack(wanted))))
            print(f"{episodes} episodes of {size} labels in {time.monotonic() - began:.0f} s", flush=True)
        families, readings, wanted = pickle.loads(path.read_bytes())
        pool_of_size[size] = Pool(families, [Reading(*one) for one in readings], wanted)
    return pool_of_size


def batch_of(pool: Pool, chosen: NDArray[np.integer]) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return the network's arguments and the targets."""
    some = [pool.readings[i] for i in chosen]
    parts = [
        torch.from_numpy(np.stack([one[k] for one in some]).astype(np.float32)) for k in range(len(Reading._fields))
    ]
    return parts, torch.from_numpy(pool.wanted[chosen])


def write(folder: Path, network: TrainedNetwork, without: str, steps: int, seed: int, searches: bool = False) -> None:
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
    arrays = {name: value.detach().numpy() for name, value in network.named_parameters()}
    if not searches:
        arrays = {name: value for name, value in arrays.items() if not name.startswith(("search.", "sharpness"))}
    folder.mkdir(parents=True, exist_ok=True)
    path = save_weights(folder / ("all.npz" if without == "nothing" else f"without-{without}.npz"), arrays, card)
    print(f"Written: {path} ({path.stat().st_size:,} bytes)", flush=True)


def loss_of(network: TrainedNetwork, arguments: list[torch.Tensor], wanted: torch.Tensor) -> torch.Tensor:
    """Return the negative log likelihood."""
    mean, deviation, _ = network(*arguments)
    likelihood = 0.5 * ((wanted - mean) / deviation) ** 2 + deviation.log() + 0.5 * math.log(2 * math.pi)
    return likelihood.clamp(max=_MOST_LOSS).mean()


def train(
    pool_of_size: dict[int, Pool], without: str, steps: int, seed: int
) -> tuple[TrainedNetwork, list[list[object]]]:
    """Return the network that has not seen a group of families, and rows on what it says of these."""
    hidden = GROUPS.get(without, ())
    kept = {
        size: np.array([i for i, f in enumerate(pool.families) if f not in hidden])
        for size, pool in pool_of_size.items()
    }
    torch.manual_seed(seed)
    network = TrainedNetwork()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    rng = np.random.default_rng([seed, 4])
    sizes, began, running = list(pool_of_size), time.monotonic(), []
    for step in range(steps):
        size = sizes[rng.integers(len(sizes))]
        arguments, wanted = batch_of(pool_of_size[size], rng.choice(kept[size], BATCH, replace=False))
        optimiser.zero_grad()
        loss = loss_of(network, arguments, wanted)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        running.append(float(loss.detach()))
        if (step + 1) % 1000 == 0:
            seconds = time.monotonic() - began
            print(
                f"without {without}: step {step + 1}, loss {np.mean(running[-1000:]):.4f}, {seconds:.0f} s", flush=True
            )
    network.eval()
    said = [without, steps, f"{np.mean(running[-1000:]):.4f}", f"{time.monotonic() - began:.0f}"]
    return network, [[*said, *row] for row in checked(network, pool_of_size, hidden) or [[""] * 4]]


@torch.no_grad()
def checked(network: TrainedNetwork, pool_of_size: dict[int, Pool], hidden: tuple[str, ...]) -> list[list[object]]:
    """Return rank correlations on episodes of families that were left out: of the network and of its experts."""
    rows: list[list[object]] = []
    for size, pool in pool_of_size.items():
        apart = np.array([i for i, family in enumerate(pool.families) if family in hidden])[:CHECKED]
        if not len(apart):
            continue
        arguments, wanted = batch_of(pool, apart)
        mean, _, _ = network(*arguments)
        predicted = np.concatenate([mean.numpy()[:, :, None], arguments[3].numpy()[:, :, 1:]], axis=2)
        taus = np.array([[_tau(one, truth) for one in each.T] for each, truth in zip(predicted, wanted, strict=True)])
        of_all = taus.mean(axis=0)
        rows.append([size, *(f"{value:.4f}" for value in (of_all[0], of_all[1:].max(), of_all[1:].mean()))])
    return rows


def _tau(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Return Kendall's rank correlation, 0 if all predictions are equal."""
    return float(np.nan_to_num(kendalltau(predicted, truth).statistic)) if np.ptp(predicted) else 0.0


def main() -> None:
    """Train all and write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(".in_context"), help="folder of banks and episodes")
    parser.add_argument("--without", action="append", choices=(*GROUPS, "nothing"), help="may be given several times")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    pool_of_size = pools(chosen.cache, list(banks(chosen.cache)), EPISODES)
    for group in chosen.without or (*GROUPS, "nothing"):
        network, rows = train(pool_of_size, group, STEPS, 0)
        write(HERE.parents[1] / "benchmarks_data" / "in_context" / "likelihood", network, group, STEPS, 0)
        with (HERE / "in_context" / "training.csv").open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows(rows if file.tell() else [LOGGED, *rows])


if __name__ == "__main__":
    main()
