"""The command ``nasmeta``: it parses, calls and prints."""

__all__: list[str] = []  # a command


def main() -> None:
    """Run the command line.

    The exit code is 0 on success, 1 if no training succeeded, 2 for errors (one line on stderr), and 130 after an
    interrupt.
    """
    from nasmeta.cli._app import app
    from nasmeta.registry import import_from_working_folder

    import_from_working_folder()
    app(prog_name="nasmeta")
