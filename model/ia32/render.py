"""The assembly text of a form with concrete operands, in Intel's syntax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .operands import MEMORY_SIZES, REGISTERS, SEGMENTS

SIZES = {8: "byte ptr ", 16: "word ptr ", 32: "dword ptr ", 48: "fword ptr ", 64: "qword ptr "}
CONDITIONS = ("O", "NO", "B", "AE", "E", "NE", "BE", "A", "S", "NS", "P", "NP", "L", "GE", "LE", "G")
Values = Mapping[str, int]


def render(mnemonic: str, operands: Sequence[str], fields: Values) -> str:
    """The assembly text; a branch's displacement is shown as encoded, relative to the next instruction."""
    if "cc" in fields:
        mnemonic = mnemonic.replace("cc", CONDITIONS[fields["cc"]])
    lock = "LOCK " if fields.get("prefix", 0) & 4 else ""
    text = ", ".join(_operand(name, fields) for name in operands)
    return f"{lock}{mnemonic} {text}".rstrip()


def _operand(name: str, fields: Values) -> str:
    if name.startswith("moffs"):
        return f"{SIZES[int(name[5:])]}{_override(fields)}[{fields['imm']:#x}]"
    if name in MEMORY_SIZES or "/m" in name:
        register, _, memory = name.partition("/m")
        if fields.get("mod") == 3 and memory:
            return REGISTERS[int(register[1:] or memory)][fields["rm"]]
        return SIZES.get(MEMORY_SIZES.get(name, int(memory or 0)), "") + _memory(fields)
    if name[:2] == "rm":
        return REGISTERS[int(name[2:])][fields["rm"]]
    if name[0] == "r" and name[1:].isdigit():
        return REGISTERS[int(name[1:])][fields["reg"]]
    if name.startswith("imm"):
        return f"{fields['imm2' if name == 'imm8' and 'imm2' in fields else 'imm']:#x}"
    if name.startswith("rel"):
        size = int(name[3:])
        value = fields["imm"]
        return f"${value - (value >> (size - 1) << size):+#x}"
    if name.startswith("ptr16:"):
        size = int(name[6:])
        return f"{fields['imm'] >> size:#x}:{fields['imm'] & ((1 << size) - 1):#x}"
    if name == "Sreg":
        return (*SEGMENTS, "?", "?")[fields["reg"]]
    if name in ("CRn", "DRn"):
        return f"{name[:2]}{fields['reg']}"
    return name


def _override(fields: Values) -> str:
    chosen = fields.get("prefix", 0) >> 5
    return f"{SEGMENTS[min(chosen - 1, 5)]}:" if chosen else ""


def _memory(fields: Values) -> str:
    parts = []
    if not (fields["mod"] == 0 and fields["rm"] == 5):
        parts.append(REGISTERS[32][fields["rm"]])
    if fields["index"] != 4:
        parts.append(f"{REGISTERS[32][fields['index']]}*{1 << fields['scale']}")
    disp = fields["disp"]
    if disp and parts:
        signed = disp - (disp >> 31 << 32)
        return f"{_override(fields)}[{'+'.join(parts)}{signed:+#x}]"
    return f"{_override(fields)}[{'+'.join(parts) or hex(disp)}]"
