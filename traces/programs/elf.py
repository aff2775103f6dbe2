"""ELF files as programs: what is loaded where, the entry point, and the two words by which they talk to a host.

System V Application Binary Interface, chapters 4 and 5. Segments go to their physical addresses.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

MAGIC = b"\x7fELF"
MOST_SEGMENTS, MOST_SYMBOLS = 1 << 10, 1 << 18
MALFORMED = (
    ELFError, ConstructError, struct.error, ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError,
    OSError, RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What the library raises for files that are not well formed."""


class ProgramError(ValueError):
    """A file is no program that can be run; the message says why."""

    exit_code = 2


@dataclass(frozen=True)
class Segment:
    """Bytes from the physical address `start` on, then zeros up to `size` bytes."""

    start: int
    content: bytes
    size: int


@dataclass(frozen=True)
class Program:
    """An ELF file: `form` is its `e_machine` and its class, as `Programs.elf` has them."""

    form: tuple[int, int]
    entry: int
    segments: tuple[Segment, ...]
    tohost: int | None
    fromhost: int | None


def program_of(content: bytes, name: str) -> Program:
    """The program in an ELF file's bytes. Raises ProgramError, which calls the file `name`."""
    if not content.startswith(MAGIC):
        raise ProgramError(f"{name} is no ELF file")
    try:
        return _read(ELFFile(BytesIO(content)), len(content), name)
    except ProgramError:
        raise
    except MALFORMED as error:
        reason = " ".join(str(error).split())[:120]
        raise ProgramError(f"{name} is no well-formed ELF file: {reason or type(error).__name__}") from None


def _read(file: Any, length: int, name: str) -> Program:
    header = file.header
    if not file.little_endian:
        raise ProgramError(f"{name} is big-endian; a little-endian program was expected")
    if header["e_type"] != "ET_EXEC":
        raise ProgramError(f"{name} is of type {str(header['e_type'])[:20]}; an executable (ET_EXEC) was expected")
    if header["e_phnum"] > MOST_SEGMENTS:
        raise ProgramError(f"{name} has {header['e_phnum']} program headers; at most {MOST_SEGMENTS} are read")
    segments = []
    for segment in file.iter_segments():
        start, stored, size = segment["p_paddr"], segment["p_filesz"], segment["p_memsz"]
        if segment["p_type"] != "PT_LOAD" or not size:
            continue
        if stored > size or segment["p_offset"] + stored > length:
            raise ProgramError(f"{name} has a segment at {start:#x} of {stored:#x} bytes, which are not in the file")
        segments.append(Segment(start, segment.data(), size))
    if not segments:
        raise ProgramError(f"{name} has nothing to be loaded")
    segments.sort(key=lambda segment: segment.start)
    for first, second in pairwise(segments):
        if first.start + first.size > second.start:
            raise ProgramError(f"{name} has two segments that both have the address {second.start:#x}")
    host = _symbols(file, ("tohost", "fromhost"), name)
    form = (_number_of_machine(file), file.elfclass)
    return Program(form, header["e_entry"], tuple(segments), host.get("tohost"), host.get("fromhost"))


def _number_of_machine(file: Any) -> int:
    """`e_machine` as the number that it is; the library gives the names that it knows."""
    file.stream.seek(18)
    return int.from_bytes(file.stream.read(2), "little")


def _symbols(file: Any, wanted: Iterable[str], name: str) -> dict[str, int]:
    """The values of the symbols that are wanted and there."""
    if not file.header["e_shoff"]:
        return {}
    table = file.get_section_by_name(".symtab")
    if table is None or table["sh_type"] != "SHT_SYMTAB":
        return {}
    if table["sh_entsize"] == 0 or table.num_symbols() > MOST_SYMBOLS:
        raise ProgramError(f"{name} has a symbol table that is not read; at most {MOST_SYMBOLS} symbols are")
    found = {symbol.name: int(symbol["st_value"]) for symbol in table.iter_symbols()}
    return {each: found[each] for each in wanted if each in found}
