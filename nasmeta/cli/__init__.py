"""The command ``nasmeta``: it parses, calls and prints."""

from __future__ import annotations

import sys

__all__: list[str] = []  # a command


def main() -> None:
    """Run the command line.

    Exit code 0 where all went well, 2 where something was asked that is not possible (one line on stderr says what),
    130 after an interrupt.
    """
    from nasmeta.cli._app import app
    from nasmeta.cli._cli_utils import require_utf8
    from nasmeta.registry import import_from_working_folder

    require_utf8(sys.argv[1:])
    import_from_working_folder()
    app(prog_name="nasmeta")
