"""What a finer time step, or repeats, changed on the front: a table of differences, and a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurofit.archive import Contents
from neurofit.archive.records import front_of
from neurofit.problem.evaluation import Evaluation

if TYPE_CHECKING:
    import pandas as pd


def confirmation(contents: Contents) -> pd.DataFrame:
    """The features and objectives of confirming minus the search's, a row a confirmed evaluation (`Run`'s)."""
    import pandas as pd  # which a fit alone need not wait for

    header = contents.header
    pairs = [(contents.rows[i].evaluation, e) for i, e in sorted(contents.confirmed.items())]
    columns: dict[tuple[str, str], np.ndarray] = {}
    for kind, names, field in (
        ("feature", [n for n, _ in header.features], "features"),
        ("objective", list(header.objectives), "objectives"),
    ):
        apart = np.array([getattr(b, field) - getattr(a, field) for a, b in pairs], float)
        columns |= {(kind, n): apart.reshape(len(pairs), len(names))[:, j] for j, n in enumerate(names)}
    columns["run", "holds"] = np.array([b.feasible for _, b in pairs], bool)
    table = pd.DataFrame(columns, index=pd.Index([b.index for _, b in pairs], name="evaluation", dtype=int))
    table.columns = pd.MultiIndex.from_tuples(list(columns), names=["kind", "name"])
    return table


def sentence(contents: Contents, how: str) -> str:
    """How many solutions hold, and what changed most in them; "" where nothing was confirmed. `how` that was, in words
    (finer.how).
    """
    pairs = [(contents.rows[i].evaluation, e) for i, e in sorted(contents.confirmed.items())]
    if not pairs:
        return ""
    held = [(a, b) for a, b in pairs if b.feasible]
    on = {e.index for e in front_of(contents.reported)} & {b.index for _, b in held}
    said = f"Confirmed {how}: {len(held)} of {len(pairs)} solutions hold, and {len(on)} of them are the front there"
    failed = [b for _, b in pairs if b.status != "ok"]
    if failed:
        said += f" ({len(failed)} failed there, {failed[0].status}, and stay as they were)"
    header = contents.header
    changed = changes(held, header.objectives, [name for name, _ in header.features])
    return f"{said}; {changed}" if changed else said


def changes(pairs: Sequence[tuple[Evaluation, Evaluation]], objectives: Sequence[str], features: Sequence[str]) -> str:
    """What changed most from the first to the second of each pair, in words without a full stop; "" where nothing can
    be compared. `objectives` (k) and `features` (m) are their names.
    """
    if not pairs:
        return ""
    scores = _largest(np.array([np.abs(b.objectives - a.objectives) for a, b in pairs]), objectives)
    values = np.array([[a.features, b.features] for a, b in pairs])
    relative = np.abs(values[:, 1] - values[:, 0]) / (np.abs(values).max(axis=1) + 1e-12)
    feature = _largest(relative, features)
    said = [f"no objective changed by more than {scores[0]:.2g} std ({scores[1]})"] if scores else []
    verb = "" if scores else "changed "
    said += [f"no feature {verb}by more than {feature[0]:.2g} of itself ({feature[1]})"] if feature else []
    return ", ".join(said)


def _largest(values: np.ndarray, names: Sequence[str]) -> tuple[float, str] | None:
    """(the largest number of (n, m), its column's name); None where all are undefined."""
    if not np.isfinite(values).any():
        return None
    flat = int(np.nanargmax(np.where(np.isfinite(values), values, np.nan)))
    return float(values.ravel()[flat]), names[flat % len(names)]
