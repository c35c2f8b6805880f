"""The parent's end of one worker process: start, feed, listen, kill."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurofit.evaluate.reason import one_line
from neurofit.executors.environment import worker_environment
from neurofit.executors.output import Output
from neurofit.executors.queue import Candidate
from neurofit.executors.wire import Closed, Inbox, packed, send

State = Literal["start", "busy", "idle"]
# The parent's search path comes before anything else: neurofit must be found as the parent found it, and a module in
# the working directory must not stand in for one of Python's own.
_ENTRY = "import sys; sys.path[:] = sys.argv[3:]; from neurofit.executors.worker import main; main()"
_LAST_BREATH = 5.0  # s: who has hung up must be dead by then
# Signals that someone else sends: a user, the system's out-of-memory killer, a batch system.
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Death:
    """What a worker died of, as a sentence, and whether it looks like somebody else's doing."""

    reason: str
    outside: bool


class WorkerHandle:
    """One worker process.

    pack      candidates it has been given and has not finished; `given` is how many there were
    state     "start" until it is ready for work, then "busy" or "idle"
    deadline  time.perf_counter() [s] by which it must be ready, or have finished another candidate
    seconds   [s] spent in each state so far, the present one left out
    """

    def __init__(self, greeting: bytes, start_limit: float):
        """`greeting` is what `worker.main` reads first: the packed factory and problem."""
        self.connection, theirs = socket.socketpair()
        self._output = Output()
        path = [entry for entry in sys.path if isinstance(entry, str)]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _ENTRY, str(theirs.fileno()), str(os.getpid()), *path],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=self._output.descriptor,
                stderr=self._output.descriptor,
                # Ctrl-C is for the parent; and a kill takes along what the model itself has started.
                start_new_session=True,
                env=worker_environment(os.environ),
            )
        self._inbox = Inbox(self.connection)
        self.pack: list[Candidate] = []
        self.given = 0
        self.state: State = "start"
        self.seconds = {"busy": 0.0, "idle": 0.0, "start": 0.0}
        self._since = self._step = time.perf_counter()
        self.deadline = self._since + start_limit
        # A worker that cannot even begin to read would hold up the parent.
        self.connection.settimeout(start_limit)
        with contextlib.suppress(Closed):  # it died at once: `death` will say why
            send(self.connection, greeting)

    def give(self, pack: list[Candidate], timeout: float) -> None:
        """Sends a pack."""
        self._turn("busy")
        self.pack, self.given = list(pack), len(pack)
        self._progress(timeout)
        with contextlib.suppress(Closed):  # it has just died: `hear` will say so
            send(self.connection, packed(([i for i, _ in pack], np.array([x for _, x in pack]))))

    def hear(self) -> list[tuple[str, Any]]:
        """The messages that have arrived; the last is ("gone", None) where the worker is dead or has hung up."""
        try:
            return self._inbox.take()
        except Closed:
            return [("gone", None)]

    def finished(self, index: int, timeout: float) -> None:
        """Takes a finished candidate off the pack and gives the rest its time anew."""
        self.pack = [c for c in self.pack if c[0] != index]
        self._progress(timeout)

    def rest(self) -> float:
        """Marks the worker idle and its pack empty; the seconds it had been at it."""
        before = self.seconds["busy"]
        self._turn("idle")
        self.pack = []
        self.deadline = math.inf
        return self.seconds["busy"] - before

    def step_seconds(self) -> float:
        """Seconds since the pack was given, or since its last finished candidate."""
        return time.perf_counter() - self._step

    def seconds_so_far(self) -> dict[str, float]:
        """`seconds` with the present state's."""
        now = time.perf_counter()
        # Its word that it is idle may be heard late, with the next batch: it is idle since its last candidate.
        end = self._step if self.state == "busy" and not self.pack else now
        seconds = dict(self.seconds)
        seconds[self.state] += end - self._since
        seconds["idle"] += now - end
        return seconds

    def trim(self) -> None:
        """Keeps the file short that the worker prints to."""
        self._output.trim()

    def ended(self) -> bool:
        """Whether the process is dead; nobody has waited for it yet."""
        if self._process.returncode is not None:
            return True
        try:
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # this process ignores SIGCHLD
            return True

    def died(self) -> Death:
        """What a worker that has hung up died of, with the last line it wrote about its unfinished candidates."""
        patience = time.perf_counter() + _LAST_BREATH
        while not (ended := self.ended()) and time.perf_counter() < patience:
            time.sleep(0.002)
        code = self._end()
        what = f"died with {_named(code)}" if ended else "hung up without dying"
        line = self._output.last_line()
        reason = f"the worker process {what}" + (f": {line}" if line else "")
        return Death(one_line(reason), ended and -code in _FROM_OUTSIDE)

    def kill(self) -> None:
        """Ends the worker and all it has started, and gives back what was held for it."""
        self._end()
        self._turn(self.state)
        self.connection.close()
        self._output.close()

    def _end(self) -> int:
        if self._process.returncode is None:
            # Nobody has waited for it, so that its number, which is its group's too, is still its own if it is dead.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()

    def _turn(self, state: State) -> None:
        self.seconds = self.seconds_so_far()
        self.state, self._since = state, time.perf_counter()

    def _progress(self, timeout: float) -> None:
        self._step = time.perf_counter()
        self.deadline = self._step + timeout
        self._output.mark()


def _named(code: int) -> str:
    """An exit code as subprocess gives it, negative for a signal, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
