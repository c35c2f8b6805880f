"""The parent's end of one worker process: start, feed, listen, kill."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from neurofit.executors.wire import Closed, receive, send

Candidate = tuple[int, np.ndarray]
_CHATTER = 1 << 20  # bytes kept of what a worker prints
_LAUNCHERS = ("PMI_", "PMIX_", "PMI2_", "OMPI_", "HYDRA_", "HYDI_", "MPI_", "MPIR_", "MPIEXEC_", "PALS_")
_SINGLE = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class WorkerHandle:
    """One worker: `pack` is what it has not finished yet; `idle` says that it waits for work; `deadline` is a
    time.perf_counter() [s].
    """

    def __init__(self, factory: Callable[..., Any], problem: Any, start_limit: float):
        self.connection, theirs = socket.socketpair()
        self._output = tempfile.TemporaryFile(mode="a+b")  # noqa: SIM115 (it lives as long as the worker)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "neurofit.executors.worker", str(theirs.fileno()), str(os.getpid())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            # Ctrl-C is for the parent; and a kill takes along what the model itself has started
            start_new_session=True,
            env=_environment(),
        )
        theirs.close()
        self.pack: list[Candidate] = []
        self.starting, self.idle = True, False
        self._since = self._finished = time.perf_counter()
        self.deadline = self._since + start_limit
        with contextlib.suppress(Closed):  # it died at once: its epitaph will say why
            send(self.connection, sys.path)
            send(self.connection, (factory, problem))

    def give(self, pack: list[Candidate], timeout: float) -> float:
        """Sends a pack; the seconds the worker had idled."""
        now = time.perf_counter()
        idled = now - self._since
        self.pack, self.idle = list(pack), False
        self._since, self.deadline = now, now + timeout
        with contextlib.suppress(OSError):
            if os.fstat(self._output.fileno()).st_size > _CHATTER:
                self._output.truncate(0)
        with contextlib.suppress(Closed):  # it has just died: `hear` will say so
            send(self.connection, ([i for i, _ in pack], np.array([x for _, x in pack])))
        return idled

    def hear(self) -> tuple[str, Any]:
        """The worker's next message, or ("gone", None)."""
        try:
            return receive(self.connection)
        except Closed:
            return "gone", None

    def finished(self, index: int, timeout: float) -> None:
        """Takes a finished candidate off the pack and gives the rest its time anew."""
        self.pack = [c for c in self.pack if c[0] != index]
        self._finished = time.perf_counter()
        self.deadline = self._finished + timeout

    def rest(self) -> float:
        """Marks the worker idle; the seconds it had been busy."""
        busy = self.busy_so_far()
        # word that it rests may be heard only with the next batch; it was idle since its last candidate
        self._since = time.perf_counter() if self.pack or self.starting else self._finished
        self.pack, self.idle, self.starting = [], True, False
        self.deadline = math.inf
        return busy

    def busy_so_far(self) -> float:
        """Seconds since its pack was given, up to its last candidate's end; 0 for a worker that is idle or starting."""
        if self.idle or self.starting:
            return 0.0
        return (time.perf_counter() if self.pack else self._finished) - self._since

    def epitaph(self) -> str:
        """What a dead worker died of, with the last line it wrote."""
        code = self._process.wait()
        what = f"exit code {code}" if code >= 0 else _signal_name(-code)
        self._output.seek(max(0, self._output.seek(0, os.SEEK_END) - 4096))
        lines = [line for line in self._output.read().decode(errors="replace").splitlines() if line.strip()]
        return f"the worker process died with {what}" + (f": {lines[-1].strip()[:200]}" if lines else "")

    def kill(self) -> None:
        """Ends the worker and all it has started, and forgets its output."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.connection.close()
        self._output.close()


def _environment() -> dict[str, str]:
    """The parent's, without what an MPI launcher left there (a child that inherits it may hang), one thread for each
    library.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_LAUNCHERS)}
    return kept | dict.fromkeys(_SINGLE, "1") | {"NEURON_MODULE_OPTIONS": "-nogui", "PYTHONUNBUFFERED": "1"}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
