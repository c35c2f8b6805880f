"""What became of an evaluation, from a rank whose messages nobody passes on: in a file, beside the run.

Where one rank of rank 0's own group raises, rank 0 waits for it inside NEURON's exchange of spikes, for ever, and
passes on nothing. So that rank leaves its word in a file, and the controller, which is never inside MPI, looks for it.
Where the ranks do not share a disk nothing is found, and the evaluation is over time in the end.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from neurofit.executors.messages import Told

_FILES = "last_words.*.json"


def leave(folder: Path, told: Told) -> None:
    """Writes what `told` says, whole or not at all; nothing where the folder is not this rank's to write in."""
    file = folder / f"last_words.{told.rank}.json"
    half = file.with_suffix(".part")
    text = {"session": told.session, "rank": told.rank, "index": told.index, "status": told.status}
    try:
        half.write_text(json.dumps({**text, "reason": told.reason, "seconds": told.seconds}))
        os.replace(half, file)
    except OSError:
        return


def found(folder: Path, session: int, index: int) -> list[Told]:
    """What ranks have left of candidate `index` of `session`, in the order of the ranks."""
    words = []
    for file in folder.glob(_FILES):
        try:
            read = json.loads(file.read_text())
        except (OSError, ValueError):  # gone, or not ours
            continue
        if (read["session"], read["index"]) == (session, index):
            words.append(Told(session, read["rank"], index, None, read["status"], read["reason"], read["seconds"]))
    return sorted(words, key=lambda told: told.rank)


def clear(folder: Path) -> None:
    """Removes all words, half-written ones and those of a job that has died too."""
    for file in folder.glob("last_words.*"):
        file.unlink(missing_ok=True)
