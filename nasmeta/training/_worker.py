"""What a process does that trains for another one."""

from __future__ import annotations

import os
import signal
import threading
import time

_CHECK_SECONDS = 0.2


def serve(parent: int) -> None:
    """Leave interrupts to the process that asked, `parent`, and end with it, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
