"""Neural regressors: ensembles of networks that are trained side by side."""
