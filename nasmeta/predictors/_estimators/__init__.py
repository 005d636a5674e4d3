"""scikit-learn regressors on feature matrices."""
