"""The subpackages of meta load on first use."""

import subprocess
import sys


def test_no_subpackage_is_imported_before_its_first_use() -> None:
    code = "import sys, nasmeta.meta; print([name for name in sys.modules if name.startswith('nasmeta.meta.')])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "meta.bilevel" not in done.stdout
    assert "meta.in_context" not in done.stdout
