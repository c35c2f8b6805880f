"""results.json, an entry for each command, and the Markdown tables that README takes from it."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.cases import CASES, HERE
from benchmarks.speed.compare import TIMED
from benchmarks.speed.probes import KERNEL
from benchmarks.speed.sides import SIDES

RESULTS = HERE / "results.json"
_PACKAGES = ("neuron", "efel", "bluepyopt", "numpy")
_ASKED = {"a": (55, 100), "b": (25, 45), "c": (3, 3)}  # least ratios to CVODE and to the fixed step
_SMALL = 0.01  # ms a trace: what is less is not worth a row


def stored(file: Path = RESULTS) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def keep(name: str, entry: Mapping[str, Any], file: Path = RESULTS) -> None:
    """Puts an entry in the place of the one of that name, with what it was measured on."""
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    entries = stored(file) | {name: {**entry, "with": _versions(), "cpu": _cpu(), "date": when}}
    file.write_text(_compact(entries), encoding="utf-8")


def _compact(entries: Mapping[str, Any]) -> str:
    """JSON with a line for each item of an entry."""
    blocks = []
    for name, entry in sorted(entries.items()):
        lines = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in entry.items())
        blocks.append(f"  {json.dumps(name)}: {{\n{lines}\n  }}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def table(entries: Mapping[str, Any]) -> str:
    """All tables that there are numbers for."""
    parts = [_speed(entries), _accuracy(entries), _outside(entries), _workers(entries), _memory(entries)]
    return "\n\n".join(part for part in parts if part)


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _speed(entries: Mapping[str, Any]) -> str:
    rows = []
    for name in [n for n in CASES if n in entries]:
        entry = entries[name]
        ms = {side: 1e3 * float(np.median(entry["seconds"][side])) for side in TIMED}
        ratios = [_ratio(entry["ratios"][side], least) for side, least in zip(TIMED[1:], _ASKED[name], strict=True)]
        rows.append([f"({name}) {entry['title']}", *(_milliseconds(ms[side]) for side in TIMED), *ratios])
    head = ["user CPU ms a candidate", *(SIDES[side].title for side in TIMED), "CVODE / neurofit", "fixed / neurofit"]
    return _markdown(head, rows) if rows else ""


def _milliseconds(ms: float) -> str:
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.3g}"


def _ratio(found: Sequence[float], asked: float) -> str:
    median, least, most = found
    return f"**{median:.3g}** ({least:.3g} to {most:.3g}; wanted {asked})"


def _accuracy(entries: Mapping[str, Any]) -> str:
    rows = []
    for name in [n for n in CASES if n in entries]:
        entry = entries[name]
        off = entry["off the fine step"]
        between = [_off(entry["difference"][side]) for side in TIMED[1:]]
        rows.append([f"({name})", f"{entry['difference']['same step']:.0e}", *between, *(_off(off[s]) for s in TIMED)])
    head = [
        "distances differ by [std], median and most",
        "same step on both sides",
        "neurofit and CVODE",
        "neurofit and fixed",
        *(f"{SIDES[s].title} and a fine step" for s in TIMED),
    ]
    return _markdown(head, rows) if rows else ""


def _off(difference: Mapping[str, float]) -> str:
    return f"{difference['median']:.3f}, {difference['most']:.2f}"


def _outside(entries: Mapping[str, Any]) -> str:
    found = {n: entries[f"profile {n}"] for n in CASES if f"profile {n}" in entries}
    if not found:
        return ""
    rows = []
    for process in ("worker", "parent"):
        most = {
            what: max(e[process].get(what, 0.0) for e in found.values()) for e in found.values() for what in e[process]
        }
        for what in sorted((w for w in most if most[w] >= _SMALL), key=lambda w: (w != KERNEL, -most[w])):
            rows.append([f"{process}: {what}", *(f"{e[process].get(what, 0.0):.3f}" for e in found.values())])
    rows.append(["**outside the kernel**", *(f"**{100 * e['outside']:.0f} %**" for e in found.values())])
    return _markdown(["CPU ms a trace", *(f"({n}) {e['title']}" for n, e in found.items())], rows)


def _workers(entries: Mapping[str, Any]) -> str:
    if "workers" not in entries:
        return ""
    entry = entries["workers"]
    median, least, most = entry["scaling"]["speedup"]
    busy = entry["busy"]
    rows = [
        ["speed-up by a second worker, case a", f"{median:.2f} ({least:.2f} to {most:.2f})"],
        *(
            [f"busy share of two, costs vary {busy['tenfold']:g}-fold: {what}", f"{100 * share:.1f} %"]
            for what, share in busy.items()
            if what != "tenfold"
        ),
        ["load of the machine meanwhile (1, 5, 15 min)", ", ".join(f"{x:g}" for x in entry["load"])],
    ]
    return _markdown([f"two workers on {entry['cores']} cores", ""], rows)


def _memory(entries: Mapping[str, Any]) -> str:
    if "memory" not in entries:
        return ""
    entry = entries["memory"]
    rows = [
        [who, f"{entry[who][0]:.0f}", f"{entry[who][-1]:.0f}", f"{entry['growth'][who]:.2f}"]
        for who in ("worker", "parent")
    ]
    first, last = entry["evaluations"][0], entry["evaluations"][-1]
    return _markdown(["resident MB", f"after {first}", f"after {last}", "growth a thousand evaluations"], rows)
