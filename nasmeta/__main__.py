"""``python -m nasmeta`` is the command ``nasmeta``."""

from nasmeta.cli import main

if __name__ == "__main__":
    main()
