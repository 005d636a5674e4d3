"""``nasmeta predict``."""

from __future__ import annotations

from typing import Any

from nasmeta.prediction._predict import predict
from nasmeta.prediction._summary import SCOPES
from nasmeta.terminal import options_from, print_frame, print_written

_SHOWN = ["predictor", "n_train", "kendall_tau", "kendall_tau_low", "kendall_tau_high"]


@options_from(predict)
def predict_command(**options: Any) -> dict[str, Any]:
    """Measure how well predictors order all architectures after training on a few labels.

    Parameters
    ----------
    predictors : list of str
        Predictors (nasmeta list predictors), separated by commas: NAME or NAME:ENCODER, with NAME
        also module:object, or a file written by nasmeta meta-train; / joins an ensemble, such as
        gp/xgboost:default+proxies. The default depends on the space.
    protocol : str
        few: train on --sizes labels; half: on half of the architectures.
    target : str
        Compare the predicted order with test values (test, the default if the signal is a
        validation value), or with the signal itself (valid).
    settings : dict
        A setting of one predictor.
    folder : path
        Folder for journal, results.csv, summary.md and figures; run the same command again to
        resume.

    Examples
    --------
    nasmeta predict --predictors gp,xgboost:default+proxies --target valid --folder predictors
    nasmeta predict --predictors experts,maml,gp --sizes 10,20,50 --target valid
    nasmeta meta-train maml --leave-out cifar10 --output m.npz && nasmeta predict --predictors m.npz --target valid
    """
    comparison = predict(progress=True, **options)
    summary, first = comparison.summary, comparison.frame.iloc[0]
    print(
        f"{first['task']}: Kendall's τ-b with {first['target']}, mean and 95 % interval over the draws"
    )
    for scope, title in SCOPES.items():
        scores = summary.loc[summary["scope"] == scope, _SHOWN]
        print_frame(scores, f"Scored on {title}")
    if comparison.files:
        print_written(comparison.files)
    return {"summary": summary, "fits": comparison.frame, "files": comparison.files}
