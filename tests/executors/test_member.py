"""A rank that notices that another one is gone says what to do before it ends the job."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from neurofit.executors import member
from neurofit.executors.job import LOST


class Failure(Exception):
    """What a broken MPI raises."""


class Broken:
    """An MPI that has lost a rank."""

    rank, size, failed = 1, 3, Failure
    ended = 0

    def take(self) -> list[bytes]:
        raise Failure("MPI_ERR_PROC_FAILED: process failure")

    def send(self, rank: int, data: bytes) -> None:
        raise Failure("MPI_ERR_PROC_FAILED: process failure")

    def abort(self, code: int) -> None:
        self.ended = code


def said(capfd: Any) -> str:
    return capfd.readouterr().err


def test_a_rank_whose_mpi_fails_says_what_to_do(capfd: Any) -> None:
    world = Broken()
    member._serve(world, None)  # type: ignore[arg-type]
    assert world.ended == 1
    assert said(capfd) == f"error: Failure: MPI_ERR_PROC_FAILED: process failure: {LOST}\n"


def test_rank_0_lets_the_controller_speak_first(capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    heard: list[bytes] = []

    def controller(seconds: float) -> None:
        heard.append(theirs.recv(1))  # the end of what rank 0 says

    monkeypatch.setattr(member.time, "sleep", controller)
    world = Broken()
    with theirs:
        member._serve(world, member.Uplink(ours))  # type: ignore[arg-type]
    assert heard == [b""] and world.ended == 1 and LOST in said(capfd)


def test_rank_0_without_its_controller_says_what_to_do(capfd: Any) -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    world = Broken()
    with ours:
        member._serve(world, member.Uplink(ours))  # type: ignore[arg-type]
    assert world.ended == 1 and said(capfd) == f"error: {LOST}\n"
