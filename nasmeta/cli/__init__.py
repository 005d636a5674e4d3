"""The command ``nasmeta``: it parses, calls and prints."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line.

    Exit code 0 where all went well, 2 where something was asked that is not possible (one line on stderr says what),
    130 after an interrupt.
    """
    from nasmeta.cli._app import app
    from nasmeta.registry import import_from_working_folder

    import_from_working_folder()
    app(prog_name="nasmeta")
