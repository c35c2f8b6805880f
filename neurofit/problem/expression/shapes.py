"""What of a resolved expression fits nowhere: vectors of unlike lengths, an index beyond one, a trend of one value."""

from __future__ import annotations

from neurofit.problem.expression.nodes import (
    Columns,
    Function,
    Index,
    Logic,
    Node,
    children,
    elementwise,
    walk,
    width,
)


def misfit(node: Node) -> tuple[str, str] | None:
    """(what was found, what would be right) of the first vector of a resolved `node` that fits nowhere; None where all
    do.
    """
    if lengths := _unlike(node):
        found = f"{' against '.join(map(str, lengths))} sweeps"
        return found, "features of as many sweeps, or single numbers: mean_frequency(fi[0]), mean(mean_frequency(fi))"
    for below in walk(node):
        if isinstance(below, Index) and not -(n := width(below.operand)) <= below.index < n:
            least = "no index, as there is one value" if n == 1 else f"one of {-n} to {n - 1}, as there are {n} values"
            return f"the index {below.index}", least
        if isinstance(below, Function) and below.name in ("increasing", "decreasing") and width(below.arguments[0]) < 2:
            return f"{below.name}() of one value", "a feature of two or more sweeps, as one value has no trend"
    return None


def _unlike(node: Node) -> tuple[int, ...]:
    """The lengths of vectors that are held against each other although they differ; none where all go together."""
    for below in walk(node):
        of_each = isinstance(below, Function) and below.name in ("all", "any")  # also of what `and` and `or` join
        for place in walk(below) if of_each else (below,):
            joins = of_each if isinstance(place, Logic) else not isinstance(place, Columns) and elementwise(place)
            lengths = {width(child) for child in children(place)} - {1} if joins else set()
            if len(lengths) > 1:
                return tuple(sorted(lengths))
    return ()
