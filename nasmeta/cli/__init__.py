"""The command ``nasmeta``: it parses, calls and prints."""

import signal

__all__: list[str] = []  # a command


def main() -> None:
    """Run the command line.

    The exit code is 0 on success, 1 if custom code failed or no evaluation succeeded, 2 for errors
    (one line on stderr), and 130 after an interrupt or SIGTERM.
    """
    from nasmeta.cli._app import app
    from nasmeta.registry import import_from_working_folder

    # job schedulers send it before they kill
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    import_from_working_folder()
    app(prog_name="nasmeta")
