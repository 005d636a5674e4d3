"""What the page says whatever the numbers."""

from __future__ import annotations

PAIRED_TEXT = """
Only runs on the same task with the same seed are compared. A run that found nothing counts as the smaller of the two
budgets, so differences are understated where that happens. A task is *won* where the own searcher needs fewer
evaluations in the mean of the paired runs, *tied* where both found one and need as many, *lost* where it needs more;
for these a run that found nothing counts as one evaluation more than the budget. Where no paired run of either found
one within the smaller budget, a task is none of these. *Difference* is what the peer needs more, mean over the tasks
with the 95 % interval of a bootstrap over tasks; below 0 the peer is ahead. A step includes fit and proposal, and for
searchers that learn from sources their share of the meta-training."""

REGRET_TEXT = """
In percent of the distance between the median and the best architecture of the table; mean over the tasks with the 95 %
interval of a bootstrap over tasks. Searchers with fewer tasks were run on fewer: compare the paired numbers above."""

NOT_HERE = (
    """`syne-tune-gp` takes about five seconds a step: it is tested, and not compared. HEBO and NASLib cannot be
    installed ([why](../../docs/peers.md)).""",
    """`syne-tune-rush` has one length of training here, as most of the tasks have: it is the best cell of each source,
    then random search. What RUSH is made for, to stop trainings early, is not measured.""",
    """Syne Tune's zero-shot scheduler returns random search from `suggest`; the adapter asks `get_config`, which is the
    paper's method. `ax` proposes a point of a Sobol sequence where its model has proposed known architectures five
    times in a row, as is its default.""",
)

RUN_TEXT = """
`{command}`, on one thread of a shared machine; times are of the processor. Time was short: {slow} had {budget}
evaluations on seven of the tasks or fewer, `ax` at most one run a task, and some were stopped sooner than others; not
reached: {left}. What is the same whatever the seed, {same}, was run once and is
compared with every seed. The whole comparison, 30 runs of 200 evaluations of everything on every task, is `python
reports/peers/run.py --folder FOLDER --repeats 30 --evaluations 200 --whole`, or `nasmeta compare peers`. The kernel
and the acquisition of `gp` and the settings of `meta` were chosen on NAS-Bench-201, and what `gp` compares on other
tasks of NAS-Bench-Graph; nothing was chosen on TransNAS-Bench-101. Peers run with their own defaults. Sources are the
other tasks of the family, completely labelled."""
