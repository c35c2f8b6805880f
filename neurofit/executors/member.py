"""A rank of an MPI job: waits for work without burning a core, does it, answers; rank 0 also passes messages on.

Rank 0 of MPI is a child of the controller, not the controller itself: so the controller never waits inside MPI or in a
simulation, takes signals at once, and trains its surrogate while messages move. The ranks poll, at 1 kHz while they
wait and at 100 Hz while their child simulates: a blocking receive of MPICH keeps a core busy that the child needs.

Messages go point to point and not over ParallelContext's bulletin board. The board lives in rank 0 and answers only
while rank 0 calls it, and every look of another rank waits for the answer: with rank 0 in a simulation that looks up
every 100 ms a task costs the others 0.4 s (10 µs where rank 0 does nothing else). A message sent is gone, whatever the
receiver does (`benchmarks/messages.py`, MPICH 5.0.2, two ranks).
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import sys
import time
import traceback
from collections import deque
from types import FrameType

from neurofit.errors import NeurofitError
from neurofit.evaluate.reason import reason_of
from neurofit.executors.job import LOST, READING, printed_is_read
from neurofit.executors.messages import Begin, Close, Down, End, Hello, Pulse, Unable, Up, Work
from neurofit.executors.sessions import Cells, Group, Session
from neurofit.executors.wire import Closed, Inbox, packed, pickled
from neurofit.executors.worker import die_with
from neurofit.executors.world import World

_SOON, _LATER = 0.001, 0.01  # s between two looks at MPI: while something may come, while the child is at work
_PULSE = 0.5  # s
_SPEAKING = 10.0  # s for the controller to have its say where MPI has failed


def main() -> None:
    """Rank 0: reads the controller's descriptor, its process number and the launcher's size from the command line."""
    descriptor, parent, size = (int(argument) for argument in sys.argv[1:4])
    del sys.argv[1:]
    die_with(parent)
    _leave_signals_to_the_controller()
    os.set_inheritable(descriptor, False)
    with socket.socket(fileno=descriptor) as connection:
        uplink = Uplink(connection)
        try:
            world = World()
        except (ImportError, RuntimeError, OSError) as error:  # no library, or not one that mpi4py can use
            uplink.send(packed((0, pickled(Hello(0, "", reason_of(error))))))
            uplink.drain()
            return
        uplink.send(packed((0, pickled(Hello(world.size, world.library)))))
        if world.size == size:
            _serve(world, uplink)
        uplink.drain()


def serve(size: int) -> None:
    """What another rank than 0 does, from its start to the job's end; `size` is what the launcher said.

    Where MPI sees another number, or is not there at all, rank 0 says so and nobody is there to be served.
    """
    _leave_signals_to_the_controller()
    try:
        world = World()
    except (ImportError, RuntimeError, OSError):
        return
    if world.size == size:
        _serve(world, None)


def _serve(world: World, uplink: Uplink | None) -> None:
    try:
        Member(world, uplink).run()
    except Closed:  # the controller is gone
        _abort(world, LOST)
    except world.failed as error:  # another rank is, and MPI has noticed before the launcher ends this one
        if uplink is not None:
            uplink.close()
            time.sleep(_SPEAKING)  # the controller says it, in log.txt too, and then ends this process
        _abort(world, f"{reason_of(error)}: {LOST}")
    except Exception:  # ours to mend; without an end the others would wait for ever
        traceback.print_exc(file=sys.__stderr__)
        world.abort(1)


def _abort(world: World, why: str) -> None:
    """Ends the job with a last word, as the launcher's own say nothing of what to do."""
    print(f"error: {why}", file=sys.__stderr__, flush=True)
    printed_is_read((2,), READING)
    world.abort(1)


def _leave_signals_to_the_controller() -> None:
    # Launchers send a signal to every rank; one that died of it would take along the controller, which has to stop the
    # run in good order. A function and not SIG_IGN, which the rank's children would inherit.
    def nothing(number: int, frame: FrameType | None) -> None:
        pass

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, nothing)


class Uplink:
    """Rank 0's connection to the controller, which may be busy: nothing here waits for it."""

    def __init__(self, connection: socket.socket):
        self._connection, self._inbox, self._out = connection, Inbox(connection), bytearray()

    def fileno(self) -> int:
        return self._connection.fileno()

    def send(self, data: bytes) -> None:
        self._out += data
        self.flush()

    def flush(self) -> None:
        """Sends as much as the controller's side takes now."""
        while self._out:
            try:
                sent = self._connection.send(self._out, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as error:
                raise Closed from error
            del self._out[:sent]

    def drain(self) -> None:
        """Sends all; for the end, where the controller listens or is gone."""
        with contextlib.suppress(OSError):
            self._connection.sendall(self._out)
        self._out.clear()

    def close(self) -> None:
        """Lets the controller know that there is nobody here any more."""
        self._connection.close()

    def take(self) -> list[tuple[tuple[int, ...], bytes]]:
        """The messages that have arrived, each with the ranks that it is for; Closed where the controller is gone."""
        return self._inbox.take() if select.select([self._connection], [], [], 0.0)[0] else []


class Member:
    """This rank: its messages and its session. `uplink` leads to the controller, on rank 0."""

    def __init__(self, world: World, uplink: Uplink | None):
        self._world, self._uplink = world, uplink
        self._inbox: deque[Down] = deque()
        self._session: Session | None = None
        self._next_pulse = 0.0

    def run(self) -> None:
        """Serves until the job's end."""
        while True:
            self.route()
            while self._inbox:
                message = self._inbox.popleft()
                if isinstance(message, End):
                    self._leave()
                    return self._world.drain()
                self._heard(message)
            if self._session is not None:
                for told in self._session.finished():
                    self._tell(told)
            self._wait()

    def route(self) -> None:
        """Takes what has arrived; on rank 0 passes on what is for others. Called inside a group's simulations too."""
        if self._uplink is None:
            self._inbox.extend(pickle.loads(data) for data in self._world.take())
            return
        for ranks, data in self._uplink.take():
            for rank in ranks:
                if rank == 0:
                    self._inbox.append(pickle.loads(data))
                    if isinstance(self._inbox[-1], End) and self._inbox[-1].abort:
                        self._world.abort(self._inbox[-1].code)
                else:
                    self._world.send(rank, data)
        for data in self._world.take():
            self._uplink.send(packed((1, data)))
        now = time.monotonic()
        if now >= self._next_pulse:
            self._next_pulse = now + _PULSE
            self._uplink.send(packed((0, pickled(Pulse()))))
        self._uplink.flush()

    def _wait(self) -> None:
        """Until the child or the controller says something, or MPI is to be looked at again."""
        if self._inbox:
            return
        listened = [x for x in (self._uplink, self._session) if x is not None and x.fileno() >= 0]
        alone = self._uplink is None and self._session is not None and self._session.busy
        select.select(listened, [], [], _LATER if alone else _SOON)

    def _heard(self, message: Down) -> None:
        match message:
            case Begin():
                self._leave()
                self._begin(message)
            case Work() if self._session is not None and message.session == self._session.number:
                for told in self._session.work(message):
                    self._tell(told)
            case Close() if self._session is not None and message.session == self._session.number:
                self._leave()
            case _:  # of a session that is no more
                pass

    def _begin(self, message: Begin) -> None:
        try:
            make = Group if message.group else Cells
            self._session = make(message, self._world.rank, self.route)
        except NeurofitError as error:
            self._tell(Unable(message.session, self._world.rank, error))
        except Exception as error:  # whatever keeps the evaluator from being built: the controller raises it
            unable = NeurofitError(f"rank {self._world.rank} cannot build the evaluator: {reason_of(error)}")
            self._tell(Unable(message.session, self._world.rank, unable))

    def _leave(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _tell(self, message: Up) -> None:
        data = pickled(message)
        if self._uplink is None:
            self._world.send(0, data)
        else:
            self._uplink.send(packed((0, data)))
