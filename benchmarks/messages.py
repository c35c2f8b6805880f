"""Two ways for ranks to get work: messages point to point, and ParallelContext's bulletin board, served by rank 0.

    mpiexec -n 2 python benchmarks/messages.py

Prints the round trip of 4 kB point to point, and what a task over the board costs rank 1 while rank 0 does nothing
else, and while it simulates and looks at the board every 10 or 100 ms. Both ranks spin: each needs a free core.
"""

from __future__ import annotations

import os
import time

from neurofit.executors.world import World
from neurofit.simulate.parallel import Subworld

TRIPS, TASKS = 20_000, 200
AWAY = (0.0, 0.01, 0.1)  # s that rank 0 is at something else between two looks


def round_trip(world: World) -> float:
    """[s] of 4 kB there and back between ranks 0 and 1, both of which wait for it."""
    other, data = 1 - world.rank, os.urandom(4096)
    began = time.perf_counter()
    for _ in range(TRIPS):
        if world.rank == 0:
            world.send(other, data)
        while not world.take():
            pass
        if world.rank == 1:
            world.send(other, data)
    return (time.perf_counter() - began) / TRIPS


def board(world: World, away: float, tasks: int) -> tuple[float, float]:
    """[s] a task and the longest look, as rank 1 sees it."""
    pc = Subworld(1, 60.0, lambda: None).context
    longest, began = 0.0, time.perf_counter()
    for number in range(tasks):
        key = f"{away}:{number}"
        if world.rank == 0:
            pc.post("task " + key, number)
            while not pc.look_take("done " + key):
                until = time.perf_counter() + away
                while time.perf_counter() < until:
                    pass
        else:
            looked = time.perf_counter()
            while not pc.look_take("task " + key):
                pass
            longest = max(longest, time.perf_counter() - looked)
            pc.post("done " + key, number)
    return (time.perf_counter() - began) / tasks, longest


def main() -> None:
    world = World()
    trip = round_trip(world)
    if world.rank == 0:
        print(f"{world.library}: {trip * 1e6:.0f} µs for 4 kB there and back", flush=True)
    for away in AWAY:
        task, longest = board(world, away, TASKS if away < 0.1 else 20)
        if world.rank == 1:
            print(
                f"board, rank 0 away for {away * 1e3:.0f} ms at a time: {task * 1e6:.0f} µs a task, "
                f"longest look {longest * 1e3:.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
