"""Few-shot prediction: a meta-predictor learns on two datasets and adapts to a few labels of the third.

The first row is the prior alone, without labels of the target. Run it from the root of the repository::

    python examples/few_shot.py
    nasmeta search experts-ucb nb201/cifar100 --evaluations 10
"""

import numpy as np
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.meta import META_PREDICTORS
from nasmeta.predictors import isomorph_split, make_predictor


def main() -> None:
    """Print Kendall's tau without labelled isomorphic cells, for 0 to 100 labels (mean of five draws)."""
    sources, target = nm.task_distribution("nb201").leave_out("cifar100")
    truth = target[0].values
    known = sources.as_sources(100, np.random.default_rng(0))  # 100 labelled cells of each source
    meta = META_PREDICTORS["experts"]("nb201").meta_fit(known)

    print("labels      experts   gp without sources")
    for n in (0, 5, 10, 20, 50, 100):
        ours, theirs = [], []
        for draw in range(5):
            train, rest = isomorph_split(
                "nb201", n_train=max(n, 1), rng=np.random.default_rng(draw)
            )
            if n:
                adapted = meta.fit(train, truth[train]).predict(rest)
                gp = make_predictor("gp").fit(train, truth[train]).predict(rest)
                theirs.append(kendalltau(gp, truth[rest]).statistic)
            else:
                adapted = meta.prior()[0][rest]
            ours.append(kendalltau(adapted, truth[rest]).statistic)
        print(
            f"{n:6}   {np.mean(ours):10.3f}   {np.mean(theirs) if theirs else float('nan'):18.3f}"
        )


if __name__ == "__main__":
    main()
