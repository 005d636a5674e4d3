"""Searchers in any language: a process that reads and writes JSON lines."""

from __future__ import annotations

import json
import os
import shlex
import signal
from contextlib import nullcontext, suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Timer
from time import monotonic
from types import SimpleNamespace
from typing import Any
from weakref import finalize

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Facts
from nasmeta.errors import RunFailed, SettingError, SpaceExhaustedError
from nasmeta.searchers.peers._peer_search import PeerSearch, Suggestion
from nasmeta.spaces import SearchSpace

_LONGEST = 1 << 20  # characters of a reply
_LAST_SECONDS = 1.0  # of a process after the end of its input


class CommandSearch(PeerSearch):
    """Any program that reads and writes JSON lines.

    A run starts the program without a shell, and sends one line per message: ``{"message": "start",
    "space": {"name": …, "positions": [{"name": …, "choices": […], "ordered": …, "scale": …}, …],
    "conditions": …}, "evaluations": …, "seed": …}``, then ``{"message": "ask"}`` and ``{"message":
    "tell", "architecture": {POSITION: CHOICE, …}, "value": …}``; higher is better. To ``ask``, the
    program replies with ``{"architecture": {POSITION: CHOICE, …}}``, without inactive positions, or
    with ``{"architecture": null}`` to end the run. In a range, the nearest choice is used; for
    repeated and invalid combinations see `PeerSearch`. If the seed determines all proposals, a run
    resumes. The program should exit at the end of its input; a second later, it and the processes
    that it started are killed. Needs POSIX.

    Traces are statistical, and an audit treats the program as custom code: the published proposals
    give all values (level 0), and level 2 runs it with ``--run-code``.

    Parameters
    ----------
    command : str
        Such as ``"julia my.jl"``. Results depend on the content of the files that it names, as on
        custom code.
    timeout : float, default 600
        Seconds until a reply.
    evaluations : int, optional
        The budget that the program reads; `search` and `compare` pass the number of evaluations of
        the run.

    Examples
    --------
    >>> import nasmeta as nm
    >>> settings = {"command": "sh examples/shell_searcher.sh"}
    >>> len(nm.search("command", "nb201/cifar10", evaluations=5, settings=settings))
    5
    """

    objectives = "any"
    budget_setting = "evaluations"

    def __init__(
        self,
        space: SearchSpace,
        rng: Generator,
        *,
        command: str = "",
        timeout: float = 600.0,
        evaluations: int | None = None,
    ) -> None:
        super().__init__(space, rng)
        self.command, self.timeout, self.evaluations = command, timeout, evaluations
        self._words = shlex.split(command)
        if not self._words:
            raise SettingError(
                "command", None, 'a program with its arguments, such as "julia my.jl"'
            )
        self._generators = SimpleNamespace(used=nullcontext)  # a process has its own
        self._process: Any = None

    @classmethod
    def code_identity(cls, settings: Facts) -> str:
        """Return a digest of the files that the command names."""
        files = filter(os.path.isfile, shlex.split(settings.get("command", "")))
        each = [sha256(Path(file).read_bytes()).hexdigest() for file in files]
        return sha256(" ".join(each).encode()).hexdigest()[:12]

    def close(self) -> None:
        """End the program."""
        if self._process is not None:
            self._finish()

    def _start(self) -> None:
        self._process = Popen(
            self._words,
            stdin=PIPE,
            stdout=PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._finish = finalize(self, _end, self._process)
        positions = [asdict(position) for position in self.space.positions]
        space = {
            "name": self.space.name,
            "positions": positions,
            "conditions": self.space.conditions.given,
        }
        self._send(message="start", space=space, evaluations=self.evaluations, seed=self._peer_seed)

    def _suggest(self) -> Suggestion:
        reply = self._send(message="ask")
        try:
            proposal = json.loads(reply)["architecture"]
            if proposal is None:
                raise SpaceExhaustedError(f"{self.command} has no more proposals.")
            choices = {**proposal}
            for p in self.space.positions:
                if p.scale and p.name in choices:
                    choices[p.name] = p.choices[p.nearest(choices[p.name])]
            return choices, self.space.conditions.codes_of(choices, self.space.positions)
        except (LookupError, TypeError, ValueError) as reason:
            raise self._failed(reply, str(reason)) from None

    def _tell_peer(self, proposal: Any, architecture: int, value: Any) -> None:
        choices = proposal or self.space.choices(architecture)
        self._send(message="tell", architecture=choices, value=np.asarray(value).tolist())

    def _send(self, **message: Any) -> str:
        """Send a message, and return the reply to ``ask``."""
        if self._process is None:
            self._start()
        process, reply, begin = self._process, "", monotonic()
        timer = Timer(self.timeout, _kill, [process])
        timer.start()
        try:
            print(json.dumps(message), file=process.stdin, flush=True)
            reply = process.stdout.readline(_LONGEST) if message["message"] == "ask" else "\n"
        except OSError:  # a closed pipe
            pass
        finally:
            timer.cancel()
        if reply.endswith("\n"):
            return reply
        if monotonic() - begin >= self.timeout:
            raise self._failed(None, f"It took more than {self.timeout:g} s.")
        with suppress(TimeoutExpired):
            raise self._failed(None, f"Its exit status is {process.wait(_LAST_SECONDS)}.")
        raise self._failed(None, "It closed a pipe.")

    def _failed(self, reply: str | None, hint: str) -> RunFailed:
        self.close()
        error = RunFailed(
            f"reply of {self.command}",
            reply,
            'a line {"architecture": {POSITION: CHOICE, …}}',
            hint,
        )
        error.reason, error.frames = str(error), ""
        return error


def _kill(process: Popen[str]) -> None:
    """Kill a program and the processes that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: Any) -> None:
    with suppress(OSError):
        process.stdin.close()
    with suppress(TimeoutExpired):
        process.wait(_LAST_SECONDS)
    _kill(process)
    process.wait()
    process.stdout.close()
