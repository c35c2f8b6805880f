"""This process's place in an MPI job: its rank 0 becomes the controller of all ranks, the others serve it and end."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import pickle
import select
import socket
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterable
from functools import cache

from neurofit.errors import NeurofitError
from neurofit.executors.messages import Down, End, Hello, Pulse, Up
from neurofit.executors.wire import Closed, Inbox, packed, pickled, send
from neurofit.launcher import library, place

_ENTRY = "import sys; sys.path[:] = sys.argv[4:]; from neurofit.executors.member import main; main()"
_JOINING = 300.0  # s for all ranks to join; a thousand of them read Python's files from one disk
_LEAVING = 20.0  # s for all ranks to end when they are told to
READING = 5.0  # s for a launcher to read what has been printed
LOST = "a rank of the MPI job is gone; every finished evaluation is on disk: run the same command again to go on"


@cache
def joined() -> Job | None:
    """This process's MPI job; None outside of any, or where the job has one rank.

    A process has one, as it has one MPI_COMM_WORLD, so what is returned is always the same. On another rank than 0
    this does not return: the process serves rank 0 until that ends, and exits. The ranks end with rank 0's process,
    whatever it ends of, so it is enough to call this once, early.
    """
    here = place(os.environ)
    if here is None:
        return None
    if here.rank > 0:
        from neurofit.executors.member import serve  # not for rank 0, whose own process stays out of MPI

        serve(here.size)
        sys.exit(0)
    return Job(here.size, here.abi)


class Job:
    """The ranks of an MPI job as its controller sees them: `size` of them, all of which can work, rank 0 too.

    Rank 0 of MPI is a child of this process (neurofit.executors.member says why), and passes messages on.
    """

    def __init__(self, size: int, abi: str):
        self.size, self.sessions = size, 0
        self.code, self.abort = 0, False  # what the ranks are to end with; whether some can no longer be told
        self.lost = False  # rank 0 cannot be reached any more, and with it no other
        self._abi, self._hello = abi, False
        self.pulse = time.perf_counter()  # [s]: when rank 0 was last known to pass messages on
        self._connection, theirs = socket.socketpair()
        path = [entry for entry in sys.path if isinstance(entry, str)]
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            # It takes this process's place in the job, so it inherits all that the launcher has left open for that.
            self._process = subprocess.Popen(
                [sys.executable, "-c", _ENTRY, str(theirs.fileno()), str(os.getpid()), str(size), *path],
                close_fds=False,
                stdin=subprocess.DEVNULL,
            )
        self._inbox = Inbox(self._connection)
        atexit.register(self.end)

    def ready(self) -> None:
        """Waits until all ranks have joined; NeurofitError where they cannot, with what to do."""
        limit = time.perf_counter() + _JOINING
        while not self._hello:
            self.hear(0.5)
            if time.perf_counter() > limit:
                raise NeurofitError(f"the {self.size} ranks of this MPI job had not joined after {_JOINING:g} s")

    def say(self, ranks: Iterable[int], message: Down) -> None:
        """Sends to ranks. NeurofitError where rank 0 is gone, and with it the job."""
        try:
            send(self._connection, packed((tuple(ranks), pickled(message))))
        except Closed:
            raise self._gone() from None

    def hear(self, patience: float) -> list[Up]:
        """What ranks have said by now, or say within `patience` [s]. NeurofitError where the job is gone."""
        if not select.select([self._connection], [], [], patience)[0]:
            return []
        try:
            taken = self._inbox.take()
        except Closed:
            raise self._gone() from None
        messages: list[Up] = [pickle.loads(data) for _, data in taken]
        if messages:
            self.pulse = time.perf_counter()
        for message in messages:
            if isinstance(message, Hello):
                self._greeted(message)
        return [m for m in messages if not isinstance(m, Hello | Pulse)]

    def end(self) -> None:
        """Ends all ranks; called at this process's exit, after its last word."""
        sys.stdout.flush()
        sys.stderr.flush()
        if self.abort or self.lost:
            printed_is_read((1, 2), READING)
        if self._process.poll() is None and self.lost:
            self._process.kill()  # the launcher notices, and ends the rest
        elif self._process.poll() is None:
            try:
                self.say(range(self.size), End(self.code, self.abort))
                self._connection.shutdown(socket.SHUT_WR)
                self._process.wait(_LEAVING)
            except (NeurofitError, OSError, subprocess.TimeoutExpired):
                self._process.kill()
        self._process.wait()
        self._connection.close()

    def _gone(self) -> NeurofitError:
        self.lost = True
        return NeurofitError(LOST)

    def _greeted(self, hello: Hello) -> None:
        if hello.problem or hello.size != self.size:
            found = library(os.environ, self._abi) or library(os.environ)
            where = f" (found: {found.path}, {found.source})" if found else ""
            what = f"cannot be used: {hello.problem}" if hello.problem else f"sees {hello.size}: {hello.library}"
            raise NeurofitError(
                f"the launcher started {self.size} ranks, but the MPI library{where} {what}. Use the mpiexec of the "
                "same MPI, or name its library in MPI_LIB_NRN_PATH; `neurofit doctor` looks at both"
            )
        self._hello = True


def printed_is_read(descriptors: Iterable[int], patience: float) -> None:
    """Waits, at most `patience` [s], until the other ends of the pipes among `descriptors` have read what is in them.

    Launchers that end a job at once lose what they have not read: the last lines, which say why it ends. What nobody is
    there to read is not waited for.
    """
    limit = time.perf_counter() + patience
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # closed, or of a kind that does not tell
            while stat.S_ISFIFO(os.fstat(descriptor).st_mode) and _in_pipe(descriptor) and _has_reader(descriptor):
                if time.perf_counter() > limit:
                    return
                time.sleep(0.005)


def _in_pipe(descriptor: int) -> int:
    """Bytes."""
    return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))[0]


def _has_reader(descriptor: int) -> bool:
    """Of a pipe's writing end: whether its reading end is open."""
    poll = select.poll()
    poll.register(descriptor, 0)  # an error or a hang-up is told of unasked
    return not poll.poll(0)
