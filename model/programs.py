"""What running whole programs on a machine goes by: the form of their files, the console, what is not modelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Programs:
    """The conventions of programs for one machine.

    `elf` are an ELF file's `e_machine` and its class, 32 or 64. `console` and `printed` name the array of bytes that
    were printed and the component with their number. Of the state's numbers by name, `left_out` gives the extension, of
    those that the model leaves out, to which the instruction belongs whose trap came last, and `handlers` the addresses
    that traps go to.
    """

    elf: tuple[int, int]
    console: str
    printed: str
    left_out: Callable[[Mapping[str, int]], str | None]
    handlers: Callable[[Mapping[str, int]], tuple[int, ...]]
