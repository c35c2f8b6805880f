"""A worker process: builds an evaluator once, then evaluates the packs it is sent; it dies with its parent.

Started as `python -m neurofit.executors.worker FD PARENT`, not forked: NEURON, torch and MPI do not survive a fork,
and a user's
`__main__` is not to run again.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
from typing import Any

from neurofit.errors import NeurofitError
from neurofit.executors.wire import Closed, receive, send

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Reads its file descriptor and its parent's process number from the command line, and works until told nothing
    more.
    """
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    _die_with(parent)
    with socket.socket(fileno=descriptor) as connection, contextlib.suppress(Closed):  # the parent is done
        _work(connection)


def _die_with(parent: int) -> None:
    """Even in a loop in native code, and even when the parent is killed: the kernel does it (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)


def _work(connection: socket.socket) -> None:
    sys.path[:] = receive(connection)
    factory, problem = receive(connection)
    try:
        evaluator = factory(problem)
    except NeurofitError as error:
        send(connection, ("unable", error))
        return
    except Exception as error:  # anything else that keeps the evaluator from being built: the parent raises it
        send(connection, ("unable", NeurofitError(f"a worker could not start: {_sentence(error)}")))
        return
    send(connection, ("ready", (evaluator.pack, bool(getattr(evaluator, "sequential", False)))))
    while True:
        indexes, X = receive(connection)
        try:
            for evaluation in evaluator.evaluate(indexes, X):
                send(connection, ("done", evaluation))
        except Closed:
            raise
        except Exception as error:  # the pack failed as a whole: the parent finds out which candidate it was
            send(connection, ("failed", _sentence(error)))
            continue
        send(connection, ("idle", None))


def _sentence(error: BaseException) -> Any:
    text = str(error).strip()
    return text if isinstance(error, NeurofitError) else f"{type(error).__name__}: {text}"


if __name__ == "__main__":
    main()
