"""The ranks of this MPI job, point to point: small messages sent without waiting, received without waiting."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections import deque
from typing import Any

from neurofit.launcher import neighbours


class World:
    """This process as a rank of MPI_COMM_WORLD. Joining it waits for all other ranks.

    mpi4py is imported here and nowhere before: a process that imports it after NEURON, or with another library than
    NEURON's, would leave NEURON serial. Raises RuntimeError or ImportError where there is no MPI library.
    """

    def __init__(self) -> None:
        for name, value in neighbours(os.environ).items():
            os.environ.setdefault(name, value)
        from mpi4py import MPI

        self._mpi: Any = MPI
        self.failed: type[Exception] = MPI.Exception  # what `send` and `take` raise where another rank is gone
        self._comm: Any = MPI.COMM_WORLD.Dup()
        self.rank: int = self._comm.Get_rank()
        self.size: int = self._comm.Get_size()
        self.library: str = MPI.Get_library_version().strip().splitlines()[0].strip()
        self._under_way: deque[tuple[Any, bytes]] = deque()  # a message must stay in memory until it is gone
        os.environ["MPI_LIB_NRN_PATH"] = _shared(os.environ.get("MPI_LIB_NRN_PATH", ""))

    def send(self, rank: int, data: bytes) -> None:
        """Begins to send; the rest happens in later calls of `send` and `take`."""
        self._under_way.append((self._comm.Isend([data, self._mpi.BYTE], dest=rank), data))
        self._progress()

    def take(self) -> list[bytes]:
        """The messages that have arrived, whole, in the order of each sender; perhaps none."""
        self._progress()
        found = []
        status = self._mpi.Status()
        while (message := self._comm.Improbe(status=status)) is not None:
            buffer = bytearray(status.Get_count(self._mpi.BYTE))
            message.Recv([buffer, self._mpi.BYTE])
            found.append(bytes(buffer))
        return found

    def drain(self) -> None:
        """Waits until everything sent has left."""
        while self._under_way:
            self._under_way.popleft()[0].Wait()

    def abort(self, code: int) -> None:
        """Ends all ranks at once, wherever they are; does not return."""
        self._mpi.COMM_WORLD.Abort(code)

    def _progress(self) -> None:
        while self._under_way and self._under_way[0][0].Test():
            self._under_way.popleft()


def _shared(otherwise: str) -> str:
    """Makes this process's MPI library one that NEURON takes too, and gives its file; `otherwise` where unknown.

    NEURON takes the MPI whose names all can see, then the system's libmpi.so, and only then MPI_LIB_NRN_PATH. mpi4py
    keeps its names to itself: beside another MPI of the system's, NEURON would be serial.
    """
    path = _loaded(otherwise)
    if path:
        with contextlib.suppress(OSError):  # a file that cannot be loaded is no worse than none
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    return path


def _loaded(otherwise: str) -> str:
    """The file of the MPI library in this process; `otherwise` where unknown."""
    try:
        with open("/proc/self/maps", encoding="utf-8") as maps:
            for line in maps:
                path = line.rpartition(" ")[2].strip()
                if os.path.basename(path).startswith(("libmpi.so", "libmpich.so")):
                    return path
    except OSError:  # not Linux
        pass
    return otherwise
