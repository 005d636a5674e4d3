"""A search as a Gymnasium environment, and an agent of stable-baselines3 that learns to search.

The agent learns on two data sets and is tried on the third; the training is short and shows the interface only. Needs
``pip install ".[rl]" stable-baselines3``. Run it from the folder above this one::

    python examples/gymnasium_agent.py
"""

import sys

import numpy as np

import nasmeta as nm

try:
    from stable_baselines3 import PPO

    from nasmeta.meta.rl import CellSearchEnv
except ImportError as reason:
    sys.exit(f'Skipped, as {reason.name} is not installed: pip install ".[rl]" stable-baselines3')

LIMITS = {"evaluations": 20, "steps": 40}  # of an episode: cells evaluated, and edges changed


def episodes(env, choose, n: int = 20) -> tuple[float, float]:
    """Return the mean reward of an episode, and the mean value of the best cell that it found."""
    task, rewards, best = nm.get_task(env.names[0]), [], []
    for seed in range(n):
        observation, info = env.reset(seed=seed)
        total, ended = 0.0, False
        while not ended:
            observation, reward, terminated, truncated, info = env.step(choose(observation))
            total += reward
            ended = terminated or truncated
        rewards.append(total)
        best.append(task.values[info["best"]])
    return float(np.mean(rewards)), float(np.mean(best))


def main() -> None:
    """Train on the sources, then search the target, with the agent and at random."""
    sources, target = nm.task_distribution("nb201").leave_out("cifar100")
    agent = PPO(
        "MlpPolicy", CellSearchEnv(sources, **LIMITS), n_steps=512, batch_size=64,
        gamma=0.95, learning_rate=1e-3, seed=0, device="cpu",
    )  # fmt: skip
    agent.learn(total_timesteps=4096)

    env = CellSearchEnv(target, **LIMITS)
    rng = np.random.default_rng(0)
    for name, choose in {
        "the agent": lambda observation: agent.predict(observation)[0],
        "random actions": lambda observation: rng.integers(env.action_space.n),
    }.items():
        reward, best = episodes(env, choose)
        print(f"{name:15} reward {reward:6.3f}   best cell {best:.2f} %")


if __name__ == "__main__":
    main()
