"""A transformer trained once, on many families of tasks: a target's labels and its sources are its context.

A new target needs no training, only a forward pass; the weights come with the package. As a searcher it is
``meta-predictor`` with ``predictor="in-context"``.
"""
