"""A worker process: builds an evaluator once, then evaluates the packs it is sent; it dies with its parent.

Started afresh, neither forked nor by multiprocessing: NEURON, torch and MPI do not survive a fork, and a user's
`__main__` must not run again. Messages to the parent are (kind, content):

    ready   (candidates preferred in a pack, whether the first unfinished one of a pack is the one under way)
    unable  the NeurofitError that keeps the evaluator from being built
    done    an Evaluation
    idle    None: the pack is finished
    failed  the reason why the pack ended early
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import socket
import sys
from typing import Any

from neurofit.errors import NeurofitError
from neurofit.evaluate.reason import reason_of
from neurofit.executors.wire import Closed, Inbox, packed, send

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Reads its descriptor and its parent's process number from the command line; works until the parent hangs up."""
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    del sys.argv[1:]
    die_with(parent)
    # A crash is an evaluation here, not something to debug: a core file for each would cost seconds and fill the disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    os.set_inheritable(descriptor, False)  # what the model starts has no business on this line
    with socket.socket(fileno=descriptor) as connection, contextlib.suppress(Closed):
        _work(connection, Inbox(connection))


def die_with(parent: int) -> None:
    """Even in a loop in native code, and even when the parent is killed: the kernel does it.

    Elsewhere than on Linux a worker that is left alone ends when it has finished a candidate, a trial when it is done.
    To be exact, the end of the thread that started the process counts: an executor is entered and left in one thread.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)


def _work(connection: socket.socket, inbox: Inbox) -> None:
    def tell(kind: str, content: Any = None) -> None:
        send(connection, packed((kind, content)))

    try:
        factory, problem = inbox.wait()
        evaluator = factory(problem)
    except NeurofitError as error:
        return tell("unable", error)
    except Closed:
        raise
    except Exception as error:  # whatever else keeps the evaluator from being built: the parent raises it
        return tell("unable", NeurofitError(f"a worker cannot build the evaluator: {reason_of(error)}"))
    tell("ready", (int(evaluator.pack), bool(evaluator.sequential)))
    while True:
        indexes, X = inbox.wait()
        try:
            for evaluation in evaluator.evaluate(indexes, X):
                tell("done", evaluation)
        except Closed:
            raise
        except Exception as error:  # of one of the pack: the parent finds out which
            tell("failed", reason_of(error))
        else:
            tell("idle")
