"""Groups of instructions: name, operation code and meaning together.

    moves = Group()

    @moves("MOVE", 0o200)
    def move(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.set_ac(ac, cpu.read(e))

A meaning gets the accumulator field and the effective address E.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps

from ..encoding import Encoding
from ..machine import Machine
from ..terms import Term, bits, concat
from .machine import PDP10
from .word import encode, operand_text, right

Meaning = Callable[[PDP10, Term, Term], None]
"""`meaning(cpu, ac, e)`."""


@dataclass(frozen=True)
class Form:
    name: str
    syntax: str
    encoding: Encoding
    meaning: Callable[..., None]
    render: Callable[[Mapping[str, int]], str]


class Group:
    """Instructions to be added to machines."""

    def __init__(self) -> None:
        self.forms: list[Form] = []

    def __call__(self, name: str, operation: int) -> Callable[[Meaning], Meaning]:
        """Declares an instruction, as a decorator of its meaning."""

        def declare(body: Meaning) -> Meaning:
            self.add(name, operation, body, body.__doc__ or "")
            return body

        return declare

    def add(self, name: str, operation: int, body: Meaning, text: str) -> None:
        """Declares an instruction of a regular group, described by `text`."""

        @wraps(body)
        def meaning(cpu: PDP10, ac: Term, i: Term, x: Term, y: Term) -> None:
            word = concat(bits(operation, 9), ac, i, x, y)
            body(cpu, ac, right(prepare(cpu, word)))

        meaning.__doc__ = text
        self.forms.append(Form(name, f"{name} AC,E", encode(operation), meaning, partial(show, name)))

    def add_to(self, machine: Machine) -> None:
        for form in self.forms:
            machine.add(form.name, form.syntax, form.encoding, form.meaning, form.render)


def prepare(cpu: PDP10, word: Term) -> Term:
    """The effective word of the instruction `word`; `cpu.uuo` is what it leaves if it traps as an MUUO."""
    effective = cpu.effective_word(word)
    object.__setattr__(cpu, "uuo", uuo_word(word, effective))
    return effective


def uuo_word(word: Term, effective: Term) -> Term:
    """Operation code and accumulator of `word`, with E in place of its address part."""
    return concat(word[35:23], bits(0, 5), right(effective))


def show(name: str, fields: Mapping[str, int]) -> str:
    """`MOVE 3,@100(5)`."""
    return f"{name} {fields['ac']:o},{operand_text(fields)}"
