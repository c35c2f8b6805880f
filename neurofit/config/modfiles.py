"""Reads from .mod files, without NEURON, what a fit file may name: variables, their units, and which may differ."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from neurofit.errors import ConfigError

Kind = Literal["density", "point", "artificial"]


@dataclass(frozen=True, slots=True)
class ModFile:
    """One mechanism: `ranges` may differ between segments, `globals` not even between cells; `units` by variable, as
    NEURON writes them; `weight` the unit of what a spike brings along, "" where the file does not say.
    """

    name: str
    kind: Kind
    path: Path | None
    ranges: tuple[str, ...] = ()
    globals: tuple[str, ...] = ()
    units: tuple[tuple[str, str], ...] = ()
    ions: tuple[str, ...] = ()
    weight: str = ""


@dataclass(frozen=True, slots=True)
class VariableInfo:
    """A name as it is used on a segment ("gbar_nas") or, `is_global`, on `h` ("taumax_im")."""

    unit: str
    mechanism: str
    is_global: bool = False


def _built_in(name: str, units: dict[str, str], ions: tuple[str, ...] = ()) -> ModFile:
    return ModFile(name, "density", None, tuple(units), (), tuple(units.items()), ions)


# Density mechanisms that NEURON has without any .mod file.
BUILT_IN = {
    m.name: m
    for m in (
        _built_in("pas", {"g": "S/cm2", "e": "mV", "i": "mA/cm2"}),
        _built_in(
            "hh",
            {
                "gnabar": "S/cm2",
                "gkbar": "S/cm2",
                "gl": "S/cm2",
                "el": "mV",
                "gna": "S/cm2",
                "gk": "S/cm2",
                "il": "mA/cm2",
            }
            | dict.fromkeys(("m", "h", "n"), ""),
            ("na", "k"),
        ),
        _built_in(
            "extracellular",
            {"vext": "mV", "xraxial": "MOhm/cm", "xg": "S/cm2", "xc": "uF/cm2", "e_extracellular": "mV"},
        ),
        _built_in("fastpas", {"g": "S/cm2", "e": "mV", "i": "mA/cm2"}),
    )
}
_POINTS: dict[str, dict[str, str]] = {
    "ExpSyn": {"tau": "ms", "e": "mV"},
    "Exp2Syn": {"tau1": "ms", "tau2": "ms", "e": "mV"},
}
_ARTIFICIAL: dict[str, dict[str, str]] = {
    "IntFire1": {"tau": "ms", "refrac": "ms"},
    "IntFire2": {"taum": "ms", "taus": "ms", "ib": ""},
    "IntFire4": {"taue": "ms", "taui1": "ms", "taui2": "ms", "taum": "ms"},
}
# Synapses and artificial cells that NEURON has without any .mod file.
BUILT_IN_POINTS = {
    n: ModFile(n, "point", None, tuple(u), (), tuple(u.items()), weight="uS") for n, u in _POINTS.items()
} | {n: ModFile(n, "artificial", None, tuple(u), (), tuple(u.items())) for n, u in _ARTIFICIAL.items()}
# What every section has, and NEURON's own globals.
SECTION_UNITS = {"L": "um", "diam": "um", "nseg": "", "Ra": "ohm cm", "cm": "uF/cm2", "v": "mV", "i_cap": "mA/cm2"}
GLOBAL_UNITS = {"celsius": "degC", "v_init": "mV"}


def scan(path: Path) -> ModFile:
    """The mechanism in a .mod file; ConfigError where it has no NEURON block with a name."""
    text = _stripped(path.read_text(errors="replace"))
    neuron = _block(text, "NEURON")
    header = re.search(r"\b(SUFFIX|POINT_PROCESS|ARTIFICIAL_CELL)\s+(\w+)", neuron)
    if header is None:
        raise ConfigError(
            "$.mechanisms",
            got=str(path),
            expected="a .mod file whose NEURON block names a SUFFIX, POINT_PROCESS or ARTIFICIAL_CELL",
        )

    kind = _KINDS[header[1]]
    units: dict[str, str] = {}
    for block in ("ASSIGNED", "STATE", "PARAMETER"):
        units |= _declared(_block(text, block))
    ranges, shared = _listed(neuron, "RANGE"), _listed(neuron, "GLOBAL")
    # A PARAMETER that is not RANGE is one number for all copies, whether or not it is listed as GLOBAL.
    states = tuple(_declared(_block(text, "STATE")))
    hidden = tuple(n for n in _declared(_block(text, "PARAMETER")) if n not in ranges and n not in _NOT_PARAMETERS)
    ions = tuple(re.findall(r"\bUSEION\s+(\w+)", neuron))
    of_ions = {f"{pre}{ion}" for ion in ions for pre in ("e", "i")} | {
        f"{ion}{post}" for ion in ions for post in ("i", "o")
    }
    every = tuple(dict.fromkeys((*shared, *(n for n in hidden if n not in of_ions))))
    received = re.search(r"\bNET_RECEIVE\s*\(\s*\w+\s*\(([^()]*)\)", text)
    weight = _unit(received[1]) if received else ""
    own = (*ranges, *(s for s in states if s not in ranges))
    return ModFile(header[2], kind, path, own, every, tuple(units.items()), ions, weight)


_KINDS: dict[str, Kind] = {"SUFFIX": "density", "POINT_PROCESS": "point", "ARTIFICIAL_CELL": "artificial"}
_NOT_PARAMETERS = ("v", "celsius", "t", "dt", "diam", "area", "cm", "L")


def scan_folder(folder: Path) -> tuple[ModFile, ...]:
    """Every mechanism of a folder, by file name."""
    return tuple(scan(path) for path in sorted(folder.glob("*.mod")))


def variables(mods: Iterable[ModFile]) -> dict[str, VariableInfo]:
    """What can be set or recorded on a segment that has these mechanisms, and their globals, by full name."""
    found = {name: VariableInfo(unit, "") for name, unit in SECTION_UNITS.items()}
    for mod in mods:
        units = dict(mod.units)
        # A SUFFIX `nothing` has no suffix at all.
        tail = "" if mod.name == "nothing" or mod.kind != "density" else f"_{mod.name}"
        for name in mod.ranges:
            found[name + tail] = VariableInfo(units.get(name, ""), mod.name)
        for name in mod.globals:
            found[name + tail] = VariableInfo(units.get(name, ""), mod.name, True)
        for ion in mod.ions:
            found |= {f"e{ion}": VariableInfo("mV", f"{ion}_ion"), f"i{ion}": VariableInfo("mA/cm2", f"{ion}_ion")}
            found |= {f"{ion}{side}": VariableInfo("mM", f"{ion}_ion") for side in ("i", "o")}
    return found


def _stripped(text: str) -> str:
    """The text without comments, VERBATIM parts and titles."""
    text = re.sub(r"\bCOMMENT\b.*?\bENDCOMMENT\b", " ", text, flags=re.DOTALL)
    text = re.sub(r"\bVERBATIM\b.*?\bENDVERBATIM\b", " ", text, flags=re.DOTALL)
    text = re.sub(r"^[ \t]*TITLE.*$", " ", text, flags=re.MULTILINE)
    return re.sub(r"[:?].*$", " ", text, flags=re.MULTILINE)


def _block(text: str, name: str) -> str:
    """What stands between the braces of a block; "" where there is none."""
    match = re.search(rf"\b{name}\s*\{{", text)
    if match is None:
        return ""
    depth, end = 1, match.end()
    while depth and end < len(text):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    return text[match.end() : end - 1]


_KEYWORDS = (
    "SUFFIX POINT_PROCESS ARTIFICIAL_CELL USEION NONSPECIFIC_CURRENT ELECTRODE_CURRENT RANGE GLOBAL POINTER "
    "BBCOREPOINTER RANDOM EXTERNAL THREADSAFE REPRESENTS"
)
_LISTED_END = rf"(?=\b(?:{'|'.join(_KEYWORDS.split())})\b|$)"


def _listed(neuron: str, keyword: str) -> tuple[str, ...]:
    """The names after each `keyword` of a NEURON block."""
    names: list[str] = []
    for match in re.finditer(rf"\b{keyword}\b(.*?){_LISTED_END}", neuron, flags=re.DOTALL):
        names += re.findall(r"[A-Za-z_]\w*", match[1])
    return tuple(dict.fromkeys(names))


_DECLARATION = re.compile(
    r"(?<![\w.])([A-Za-z_]\w*)(?:\s*\[\s*\w+\s*\])?"  # a name, perhaps an array
    r"(?:\s*=\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)?"  # its value
    r"(?:\s*\(([^()]*)\))?"  # its unit
    r"(?:\s*<[^<>]*>)?"  # its limits
)


def _declared(block: str) -> dict[str, str]:
    """Names and units of a PARAMETER, ASSIGNED or STATE block."""
    block = re.sub(r"\bFROM\s+\S+\s+TO\s+\S+", " ", block)
    return {m[1]: _unit(m[2] or "") for m in _DECLARATION.finditer(block)}


def _unit(text: str) -> str:
    """A unit of a .mod file in the words used everywhere else: (mho/cm2) is S/cm2, (1) is a pure number."""
    text = text.strip()
    for old, new in (
        ("mho", "S"),
        ("siemens", "S"),
        ("siemen", "S"),
        ("millivolt", "mV"),
        ("micron", "um"),
        ("ohm-cm", "ohm cm"),
    ):
        text = text.replace(old, new)
    return "" if text in ("1", "") else text
