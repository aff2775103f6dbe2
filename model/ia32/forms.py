"""Instruction forms: one line of the manual's table each, with its encoding and its meaning.

    forms = Forms()

    @forms("SMSW r32/m16", "0F 01 /4", name="SMSW")
    def smsw(cpu: IA32, destination: Operand) -> None:
        cpu.write(destination, cpu.CR0)

The syntax names the operands, which the meaning gets in that order (see `operands`); with "+cc" in the
encoding the condition's number comes first. `name` is the row of the classification, by default the mnemonic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

from ..encoding import Encoding
from ..machine import Instruction, Machine
from ..terms import Term
from .cpu import IA32
from .encoding import LOCK, Modrm, OperandSize, any_word, encode, region, word
from .operands import may_be_memory, operand
from .render import render

Meaning = Callable[..., None]
Words: TypeAlias = tuple[str, str, OperandSize, Modrm]
SIZED = re.compile(r"E[A-D]X|E[SBD][PI]|r32/m\d+|.*32")
UNSIZED = ("CRn", "DRn")


@dataclass(eq=False)
class Form:
    """One form. Calling it runs its meaning; it is the `meaning` of the machine's instruction."""

    name: str
    syntax: str
    text: str
    body: Meaning
    operand_size: OperandSize
    modrm: Modrm
    lock: bool

    def __post_init__(self) -> None:
        self.__doc__ = self.body.__doc__ or ""

    @property
    def mnemonic(self) -> str:
        """The words before the operands: "REP MOVSB" keeps its prefix."""
        return self._parts[0]

    @property
    def operands(self) -> list[str]:
        return self._parts[1]

    @cached_property
    def _parts(self) -> tuple[str, list[str]]:
        match = re.fullmatch(r"((?:REP\w* )?\S+)\s*(.*)", self.syntax)
        assert match is not None
        return match[1], [text.strip() for text in match[2].split(",")] if match[2] else []

    @cached_property
    def encoding(self) -> Encoding:
        return encode(self.text, operand_size=self.operand_size, modrm=self.modrm, lock=self.lock)

    def __call__(self, cpu: IA32, **fields: Term) -> None:
        object.__setattr__(cpu, "prefix", fields["prefix"])
        given: list[Any] = [fields["cc"]] if "cc" in fields else []
        self.body(cpu, *given, *[operand(text, fields) for text in self.operands])

    def show(self, fields: Mapping[str, int]) -> str:
        return render(self.mnemonic, self.operands, fields)


class Forms:
    """A group of forms, and the words that it declares undefined or omitted."""

    def __init__(self) -> None:
        self.forms: list[Form] = []
        self.undefined_words: list[Words] = []
        self.omitted_words: list[Words] = []

    def __call__(
        self,
        syntax: str,
        text: str,
        *,
        name: str | None = None,
        operand_size: OperandSize | Literal["auto"] = "auto",
        modrm: Modrm | Literal["auto"] = "auto",
        lock: bool = False,
    ) -> Callable[[Meaning], Meaning]:
        """Declares a form, as a decorator of its meaning; decorators may be stacked.

        `operand_size`: 66 in the text means 16; "auto" means 32, that is without 66, when an operand in the
        syntax has 32 bits (and none is CRn or DRn), else that 66 is ignored ("any"). `modrm`: "auto" follows
        the operands; where none may lie in memory, ModRM names a register whatever its mod. `lock`: LOCK is
        allowed with memory.
        """

        def declare(body: Meaning) -> Meaning:
            form = Form(name or "", syntax, text, body, "any", "any", lock)
            form.name = name or form.mnemonic
            sized = any(SIZED.fullmatch(part) for part in form.operands)
            sized = sized and not any(part in UNSIZED for part in form.operands)
            size: OperandSize = 32 if sized else "any"
            form.operand_size = size if operand_size == "auto" else operand_size
            memory = any(may_be_memory(part) for part in form.operands)
            only = memory and not any("/m" in part for part in form.operands)
            guess: Modrm = "memory" if only else "any" if memory else "ignored"
            form.modrm = guess if modrm == "auto" else modrm
            self.forms.append(form)
            return body

        return declare

    def undefined(self, text: str, why: str = "", *, operand_size: OperandSize = "any", modrm: Modrm = "any") -> None:
        """Declares words that the processor answers with #UD."""
        self.undefined_words.append((text, why, operand_size, modrm))

    def omitted(self, text: str, why: str, *, operand_size: OperandSize = "any", modrm: Modrm = "any") -> None:
        """Declares words that the processor has and the model leaves out, and why."""
        self.omitted_words.append((text, why, operand_size, modrm))


def install(machine: Machine, groups: list[Forms]) -> None:
    """Adds every form of `groups` to the machine, and the words they declare; LOCK elsewhere is undefined."""
    lockable: list[Encoding] = []
    for group in groups:
        for form in group.forms:
            machine.add(form.name, form.syntax, form.encoding, form, form.show)
            if form.lock:
                lockable.append(form.encoding)
        machine.undefined.extend(map(_words, group.undefined_words))
        machine.omitted.extend(map(_words, group.omitted_words))
    locked = (word[LOCK] == 1) & (word[LOCK - 1] == 0)
    machine.undefined.append(region("LOCK on other instructions", locked & ~any_word(*lockable)))
    machine.omitted.append(region("67 (16-bit addressing)", word[LOCK - 1] == 1))


def _words(declared: Words) -> Encoding:
    text, why, size, modrm = declared
    return encode(text, operand_size=size, modrm=modrm, note=f"({why})" if why else "")


def undefined_components(machine: Machine, instruction: Instruction) -> Mapping[str, Term]:
    """Where the manual leaves components undefined after `instruction`, by name, over state and fields."""
    cpu = IA32(machine.variables, machine.constants())
    if machine.begin is not None:
        machine.begin(cpu, instruction.encoding.length_over_fields)
    instruction.meaning(cpu, **instruction.encoding.variables)
    return cpu.unspecified
