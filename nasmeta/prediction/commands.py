"""``nasmeta predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasmeta.prediction._predict import predict
from nasmeta.terminal import console, options_from, print_frame, print_written

if TYPE_CHECKING:
    import pandas as pd


@options_from(predict)
def predict_command(**options: Any) -> dict[str, Any]:
    """Measure how well predictors order all architectures after training on a few labels.

    Parameters
    ----------
    predictors : list of str
        Predictors (nasmeta list predictors), separated by commas: NAME or NAME:ENCODER, with NAME also
        module:object, or a file written by nasmeta meta-train; / joins an ensemble, such as
        gp/xgboost:default+proxies. The default depends on the space.
    protocol : str
        few: train on --sizes labels; half: on half of the architectures.
    target : str
        Compare the predicted order with test values (test, the default if the signal is a validation value), or with
        the signal itself (valid).
    settings : dict
        A setting of one predictor.
    folder : path
        Folder for journal, results.csv, summary.md and figures; run the same command again to resume.

    Examples
    --------
    nasmeta predict --predictors gp,xgboost:default+proxies --target valid --folder predictors
    nasmeta predict --predictors in-context,maml,gp --sizes 10,20,50 --target valid
    nasmeta meta-train maml --leave-out cifar10 --output m.npz && nasmeta predict --predictors m.npz --target valid
    """
    comparison = predict(progress=True, **options)
    _print(comparison.frame)
    if comparison.files:
        print_written(comparison.files)
    return {"summary": comparison.summary, "fits": comparison.frame, "files": comparison.files}


def _print(frame: pd.DataFrame) -> None:
    from nasmeta.pages import spread
    from nasmeta.prediction import SCOPES

    first, draws = frame.iloc[0], frame["draw"].nunique()
    over = f"mean ± standard deviation over {draws} draws" if draws > 1 else "one draw"
    console().print(f"{first['task']}: Kendall's τ-b with {first['target']}, {over}", soft_wrap=True)
    for scope, title in SCOPES.items():
        of_scope = frame[frame["scope"] == scope]
        scores = of_scope.groupby(["predictor", "n_train"], sort=False, observed=True)["kendall_tau"]
        texts = scores.agg(lambda values: spread(values.mean(), values.std(), 3)).unstack()
        texts = texts.reindex(of_scope["predictor"].unique())
        print_frame(texts.rename(columns="{:,}".format).reset_index(), f"Scored on {title}")
