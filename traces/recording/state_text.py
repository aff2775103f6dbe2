"""States as text: what differs from zero, numbers in hexadecimal; witness files and trace files hold them so.

An array is an object from hexadecimal index to hexadecimal value; its entry "default", where there is one, is the value
of every other cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from ringproof.model.machine import Machine
from ringproof.model.terms import ArraySort, BitVecSort, BoolSort, Sort
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells

StateText: TypeAlias = dict[str, str | dict[str, str]]

DEFAULT = "default"


class StateError(ValueError):
    """A state's text does not fit its machine; the message is one sentence."""

    exit_code = 2


def encode_state(machine: Machine, state: State) -> StateText:
    """The components of `state` that are not zero, as text.

    >>> from ringproof.model.catalog import named
    >>> from ringproof.traces.interpreter import Interpreter
    >>> machine = named("third-generation")
    >>> encode_state(machine, Interpreter(machine).initial(P=16, E=Cells({2: 255})))
    {'E': {'0x2': '0xff'}, 'P': '0x10'}
    """
    found: StateText = {}
    for name in machine.components:
        value = state[name]
        if isinstance(value, Cells):
            cells = {hex(index): hex(cell) for index, cell in sorted(value.items()) if cell != value.default}
            if value.default:
                cells[DEFAULT] = hex(value.default)
            if cells:
                found[name] = cells
        elif value:
            found[name] = hex(value)
    return found


def decode_state(machine: Machine, encoded: Mapping[str, str | dict[str, str]]) -> State:
    """The state that `encode_state` wrote. Raises StateError for what does not fit the machine."""
    for name in encoded:
        if name not in machine.components:
            raise StateError(f"{machine.name} has no component named {name[:40]!r}")
    return {name: decode_value(name, c.sort, encoded.get(name)) for name, c in machine.components.items()}


def decode_value(name: str, sort: Sort, value: str | dict[str, str] | None) -> Any:
    """The value of the component `name`, zero where `value` is None. Raises StateError for what does not fit."""
    if isinstance(sort, ArraySort):
        if value is not None and not isinstance(value, dict):
            raise StateError(f"{name} is an array, so an object of cells was expected, not {value[:40]!r}")
        pairs = dict(value or {})
        index, cell = sort.index.width, sort.value.width
        default = number(f"the default of {name}", pairs.pop(DEFAULT, "0"), cell)
        cells = {
            number(f"an index of {name}", i, index): number(f"a cell of {name}", v, cell) for i, v in pairs.items()
        }
        return Cells(cells, default)
    if isinstance(value, dict):
        raise StateError(f"{name} is a number, but an object of cells was given")
    width = sort.width if isinstance(sort, BitVecSort) else 1
    found = 0 if value is None else number(name, value, width)
    return bool(found) if isinstance(sort, BoolSort) else found


def number(what: str, text: str, width: int) -> int:
    """The number that `text` writes in hexadecimal. Raises StateError unless it has at most `width` bits."""
    try:
        if len(text) > width // 4 + 8:
            raise ValueError
        value = int(text, 16)
        if not 0 <= value < 1 << width:
            raise ValueError
    except ValueError:
        raise StateError(f"{what} is a hexadecimal number of {width} bits, not {text[:40]!r}") from None
    return value
