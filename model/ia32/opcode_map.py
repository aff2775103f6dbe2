"""The opcodes that no file here gives a meaning: undefined ones, and those left out, and why.

SDM vol. 2, appendix A. Together with the instructions these cover every word exactly once, which is proved.
"""

from __future__ import annotations

from ..machine import Machine
from ..terms import all_of
from .encoding import LOCK, REPEAT, any_word, at, region, word
from .forms import Forms

forms = Forms()

FLOATING_POINT = "floating point"
VECTOR = "MMX, SSE and AVX"
ALIAS = "an alias that the manual reserves"
UNDEFINED = "04 05 07 0A 0C 24 25 26 27 36 39 3B 3C 3D 3E 3F 7A 7B A6 A7 B8 B9 FF"

for opcode in range(0xD8, 0xE0):
    forms.omitted(f"{opcode:02X}", FLOATING_POINT)
forms.omitted("9B", FLOATING_POINT)
forms.omitted("D6", "SALC, which the manual does not document")
for text in ("62 /r", "C4 /r", "C5 /r"):
    forms.omitted(text, VECTOR, modrm="register")
for text in ("F6 /1", "F7 /1", "C0 /6", "C1 /6", "D0 /6", "D1 /6", "D2 /6", "D3 /6"):
    forms.omitted(text, ALIAS)

for digit in range(1, 8):
    forms.undefined(f"C6 /{digit}")
    forms.undefined(f"C7 /{digit}")
for digit in range(2, 8):
    forms.undefined(f"FE /{digit}")
forms.undefined("FF /7")

# The 0F map.
for text in UNDEFINED.split():
    forms.undefined(f"0F {text}")
for opcode in (0x0D, 0x0E, 0x0F):
    forms.omitted(f"0F {opcode:02X}", "3DNow and its prefetches")
for opcode in (*range(0x10, 0x18), *range(0x28, 0x30), 0x38, 0x3A, *range(0x50, 0x78), *range(0x7C, 0x80)):
    forms.omitted(f"0F {opcode:02X}", VECTOR)
for opcode in (0xC2, 0xC3, 0xC4, 0xC5, 0xC6, *range(0xD0, 0xFF)):
    forms.omitted(f"0F {opcode:02X}", VECTOR)
for opcode in range(0x18, 0x1F):
    forms.omitted(f"0F {opcode:02X}", "hints")
for digit in range(1, 8):
    forms.omitted(f"0F 1F /{digit}", "hints")
forms.omitted("0F 37", "safer mode extensions")
for opcode in (0x78, 0x79):
    forms.omitted(f"0F {opcode:02X}", "virtual-machine extensions")
forms.omitted("0F AA", "system management mode")
forms.omitted("0F AE", "fences and saved floating-point state")
forms.omitted("0F C7 /1", "compact and saved state, random numbers", modrm="register")
for digit in (0, *range(2, 8)):
    forms.omitted(f"0F C7 /{digit}", "compact and saved state, random numbers")


def extend(machine: Machine) -> None:
    """Adds the words that prefixes alone decide, apart from the instructions that such prefixes select."""
    unlocked = all_of(word[LOCK] == 0, word[LOCK - 1] == 0)
    opcode = at(0, 8)
    selected = [i.encoding for i in machine.instructions if i.encoding.text.startswith(("F2 0F", "F3 0F"))]
    machine.omitted.append(
        region(
            "F2 and F3 before 0F (other instructions, most of them SSE)",
            unlocked & (word[REPEAT] == 1) & (opcode == 0x0F) & ~any_word(*selected),
        )
    )
    for byte in (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3):
        machine.omitted.append(region(f"{byte:02X} (a repeated prefix)", unlocked & (opcode == byte)))
