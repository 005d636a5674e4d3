"""Comparisons as files: read, checked, run, gone on with; and those that the package brings."""
