"""The page: the template filled in, with its style, its script, the runs and the machine's module inside it.

The page may load nothing. Its policy names the hashes of its own style and script, and allows them to compile
WebAssembly. What comes from files reaches the page escaped by the template, or as compressed data.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from ringproof import __version__
from ringproof.model.machine import Machine
from ringproof.model.terms import ArraySort, BoolSort

from .content import Report
from .native import Native
from .rings import MIDDLE, SIZE, Ring, direction, rings
from .rows import index_width, rows, states_at, width_of
from .runs import get
from .stream import encoded

SCRIPTS = (
    "stream.js", "runs.js", "module.js", "differences.js", "table.js", "list.js", "diagram.js", "notes.js", "saving.js",
    "tools.js", "page.js",
)  # fmt: skip
ROLES = {
    "program": "Program", "mode": "Mode", "resource": "Resources", "memory": "Memory", "clock": "Clocks",
    "device": "Devices",
}  # fmt: skip


def page(report: Report) -> str:
    """The report as HTML."""
    style = _asset("page.css")
    script = "\n".join(["'use strict';", *[_asset(name) for name in SCRIPTS]])
    stream, tables = encoded(report.machine, report.runs)
    states = states_at(report, report.step)
    table = rows(report, states)
    native = report.native if isinstance(report.native, Native) else None
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["prose"] = prose
    return environment.from_string(_asset("page.html")).render(
        report=report,
        version=__version__,
        machine=report.machine,
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        data=_packed(json.dumps(_data(report, native, tables), separators=(",", ":")).encode()),
        stream=_packed(stream),
        module=_packed(native.content) if native else None,
        missing=report.native if native is None else None,
        foremost=[row for row in table if row.foremost],
        others=[
            (name, group)
            for role, name in ROLES.items()
            if (group := [r for r in table if not r.foremost and r.role == role])
        ],
        listed=_listed(report),
        rings=rings(report.machine),
        marks=_marks(report, states),
        size=SIZE,
        middle=MIDDLE,
    )


def prose(text: str) -> Markup:
    """`text` escaped, with what stands between backticks as code.

    >>> prose("`A<B` traps")
    Markup('<code>A&lt;B</code> traps')
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return Markup("{}").format(text)
    return Markup("").join(Markup("<code>{}</code>" if n % 2 else "{}").format(part) for n, part in enumerate(parts))


def _asset(name: str) -> str:
    return files("ringproof.report").joinpath("assets", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    def digest(text: str) -> str:
        return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {digest(script)} 'wasm-unsafe-eval'; style-src {digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _packed(content: bytes) -> str:
    """Compressed, as text; the same for the same content."""
    return b64encode(gzip.compress(content, 9, mtime=0)).decode()


def _data(report: Report, native: Native | None, tables: dict[str, Any]) -> dict[str, Any]:
    machine = report.machine
    alignment = report.alignment
    return {
        "components": [_component(machine, name) for name in machine.components],
        "mode": machine.mode,
        "counter": machine.counter,
        "levels": [[ring.name, ring.value, ring.middle] for ring in rings(machine)],
        "runs": [run.label for run in report.runs],
        "step": report.step,
        "shown": [[name, None if index is None else hex(index)] for name, index in report.shown],
        "alignment": None if alignment is None else [alignment.memory, alignment.offset, list(alignment.bases)],
        "tables": tables,
        "native": native.description if native else None,
        "operation": report.operation,
        "command": report.run_command,
        "inputs": [
            [[step, [[name, index, hex(value)] for (name, index), value in places]] for step, places in inputs]
            for inputs in report.inputs
        ],
    }


def _component(machine: Machine, name: str) -> dict[str, Any]:
    component = machine.components[name]
    array = isinstance(component.sort, ArraySort)
    return {
        "name": name,
        "role": component.role.value,
        "text": component.text,
        "width": width_of(machine, name),
        "bool": isinstance(component.sort, BoolSort),
        "index": index_width(machine, name) if array else None,
    }


def _marks(report: Report, states: Sequence[Any]) -> list[dict[str, Any]]:
    """Where each run's marks stand in the ring diagram, before and after the step."""
    machine, count = report.machine, len(report.runs)
    middle = {ring.value: ring.middle for ring in rings(machine)}
    found = []
    for number in range(count):
        points = []
        for n, before in enumerate((True, False)):
            x, y = direction(number, count, before=before)
            radius = middle[get(states[2 * number + n], (machine.mode, None))]
            points.append((round(MIDDLE + x * radius, 1), round(MIDDLE + y * radius, 1)))
        found.append({"number": number + 1, "before": points[0], "after": points[1]})
    return found


AROUND = 6


def _listed(report: Report) -> list[tuple[int, list[Any]]]:
    """The steps that stand in the page without its script: those around the first one shown."""
    longest = max(len(run.steps) for run in report.runs)
    first = max(1, report.step - AROUND)
    return [
        (number - 1, [run.steps[number - 1] if number <= len(run.steps) else None for run in report.runs])
        for number in range(first, min(longest, report.step + AROUND) + 1)
    ]


__all__ = ["Ring", "page", "prose"]
