"""scikit-learn transformers from architectures to features."""
