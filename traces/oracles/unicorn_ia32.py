"""One IA-32 instruction in unicorn (QEMU's processor), from any state of the model.

States and results use the model's component names. CPL, the hidden parts of the segment registers and error
codes go through the engine's saved context (see `unicorn_layout`). Unicorn reports exceptions and never
vectors them, so an INT n ends as `Raised` with `software` set. What it does otherwise than the manual is in
`unicorn_deviations`; conventions are translated here: a busy TSS is kept as available in TR's hidden part
(seg_helper.c, helper_ltr), no LDT is one with limit 0 (helper_lldt), and HLT is recognized by its opcode, for
the engine does not show that it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringproof.traces.python_code import Cells

from .answers import Answer, Cannot, Completed, OracleUnavailable, Raised
from .unicorn_layout import Layout
from .unicorn_memory import Memory

REGISTERS = ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
SEGMENTS = ("ES", "CS", "SS", "DS", "FS", "GS")
FLAGS = {
    "CF": 0, "PF": 2, "AF": 4, "ZF": 6, "SF": 7, "TF": 8, "IF": 9, "DF": 10, "OF": 11, "NT": 14, "RF": 16,
    "AC": 18, "VIF": 19, "VIP": 20, "ID": 21,
}  # fmt: skip
WITH_ERROR_CODE = frozenset({8, 10, 11, 12, 13, 14, 17})
INVALID_OPCODE = 6
NOWHERE = 1 << 40
BUSY = 0x200
BREAKPOINTS = 0xFF
IA32_SYSENTER_CS, IA32_SYSENTER_ESP, IA32_SYSENTER_EIP = 0x174, 0x175, 0x176
PREFIXES = bytes.fromhex("26 2e 36 3e 64 65 66 67 f0 f2 f3")


class UnicornIA32:
    """Runs single instructions. One object is reused for many; it is not safe to share between threads."""

    name = "unicorn"

    def __init__(self) -> None:
        try:
            import unicorn
            from unicorn import x86_const
        except ImportError:
            raise OracleUnavailable(
                "the package unicorn is not installed (the extra ringproof[oracles] has it)"
            ) from None
        self.version: str = unicorn.__version__
        self._error = unicorn.UcError
        self._codes = (unicorn.UC_ERR_OK, unicorn.UC_ERR_INSN_INVALID)
        self._eflags = x86_const.UC_X86_REG_EFLAGS
        self._save = unicorn.unicorn_py3.unicorn.uclib.uc_context_save
        self._stored: list[tuple[int, int]] = []
        self._raised: list[int] = []
        self._ports: dict[int, int] = {}
        self._input: Mapping[int, int] = {}
        self._open()

    def _open(self) -> None:
        """Makes a fresh engine."""
        import unicorn
        from unicorn import x86_const

        engine: Any = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
        self._engine = engine
        self._layout = Layout(engine, x86_const)
        self._hflags = self._layout.front.hflags & ~0xE03
        self._memory = Memory(engine)
        engine.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        engine.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._on_store)
        engine.hook_add(unicorn.UC_HOOK_MEM_UNMAPPED, self._on_unmapped)
        engine.hook_add(unicorn.UC_HOOK_INSN, self._on_in, None, 1, 0, x86_const.UC_X86_INS_IN)
        engine.hook_add(unicorn.UC_HOOK_INSN, self._on_out, None, 1, 0, x86_const.UC_X86_INS_OUT)

    # What the engine tells.

    def _on_exception(self, engine: Any, number: int, _: Any) -> None:
        self._raised.append(number)
        engine.emu_stop()

    def _on_store(self, engine: Any, access: int, address: int, size: int, value: int, _: Any) -> None:
        self._stored.append((address, size))

    def _on_unmapped(self, engine: Any, access: int, address: int, size: int, value: int, _: Any) -> bool:
        if address >= 1 << 32:
            return False
        self._memory.page(address)
        if (address & 0xFFF) + size > 0x1000:
            self._memory.page((address + size) & 0xFFFFFFFF)
        return True

    def _on_in(self, engine: Any, port: int, size: int, _: Any) -> int:
        return sum(self._input[(port + n) & 0xFFFF] << 8 * n for n in range(size))

    def _on_out(self, engine: Any, port: int, size: int, value: int, _: Any) -> None:
        self._ports |= {(port + n) & 0xFFFF: value >> 8 * n & 0xFF for n in range(size)}

    # Running.

    def run(self, state: Mapping[str, Any], *, limit: int = 1) -> Answer:
        """Runs the instruction at CS:EIP of `state`, which is left as it is.

        A string instruction with a repeat prefix is repeated, at most `limit` times, while EIP stays. The
        engine may need one start more than there are iterations, to see that ECX is 0.
        """
        memory: Cells = state["memory"]
        self._memory.load(memory)
        self._input = state.get("IO") or Cells()
        self._stored.clear()
        self._ports.clear()
        self._engine.ctl_flush_tb()
        self._restore(state)
        eip = state["EIP"]
        failure = self._step(eip)
        front, repeated = self._layout.front, limit > 1
        while repeated and not failure and not self._raised and front.eip == eip:
            limit -= 1
            if limit <= 0 and (limit < 0 or front.registers[1]):
                break
            failure = self._step(eip)
        written = self._written()
        answer = self._answer(state, failure, written)
        self._memory.restore(written)
        if self._layout.exceptions.dr[7] & BREAKPOINTS:
            self._open()  # breakpoints outlive the context that set them
        return answer

    def _step(self, eip: int) -> int:
        self._raised.clear()
        ok, _ = self._codes
        try:
            self._engine.emu_start(eip, NOWHERE, count=1)
        except self._error as error:
            ok = error.errno
        self._save(self._engine._uch, self._layout.context.context)
        return int(ok)

    def _written(self) -> dict[int, int]:
        addresses = {(address + n) & 0xFFFFFFFF for address, size in self._stored for n in range(size)}
        return {address: self._memory.read(address) for address in addresses}

    def _answer(self, state: Mapping[str, Any], failure: int, written: dict[int, int]) -> Answer:
        _, invalid = self._codes
        after = self._read()
        if failure == invalid:
            return Raised(INVALID_OPCODE, None, bool(self._layout.exceptions.is_software), after, written)
        if failure:
            return Cannot(f"unicorn stopped with error {failure}")
        if self._raised:
            vector = self._raised[0]
            if vector > 0xFF:
                return Cannot(f"unicorn reported exception {vector:#x}")
            exceptions = self._layout.exceptions
            software = bool(exceptions.is_software)
            code = exceptions.error_code if vector in WITH_ERROR_CODE and not software else None
            return Raised(vector, code, software, after, written)
        after["halted"] = int(_is_halt(state))
        return Completed(after, written, dict(self._ports))

    # States.

    def _restore(self, state: Mapping[str, Any]) -> None:
        front, exceptions = self._layout.front, self._layout.exceptions
        for number, name in enumerate(REGISTERS):
            front.registers[number] = state[name]
        front.eip = state["EIP"]
        flags = 2 | state["IOPL"] << 12
        for name, bit in FLAGS.items():
            flags |= state[name] << bit
        front.eflags = flags  # from here the engine takes CF to DF when it starts
        cpl = state["CPL"]
        front.hflags = self._hflags | cpl | (state["CR0"] & 0xE) << 8
        for cache, name in zip(front.segments, SEGMENTS, strict=True):
            limit, access = state[f"{name}_limit"], state[f"{name}_access"]
            cache.base, cache.limit = state[f"{name}_base"], limit
            if name in ("CS", "SS"):
                cache.selector, big = state[f"{name}_index"] << 2 | cpl, 1
            else:
                cache.selector, big = state[f"{name}_selector"], state[f"{name}_big"]
            cache.flags = access << 8 | big << 22 | (limit > 0xFFFFF) << 23 | (limit & 0xF0000)
        for cache, name in ((front.ldt, "LDTR"), (front.tr, "TR")):
            cache.selector, cache.base = state[f"{name}_selector"], state[f"{name}_base"]
            cache.limit, cache.flags = state[f"{name}_limit"], state[f"{name}_access"] << 8
        front.tr.flags &= ~BUSY
        if not state["LDTR_access"]:
            front.ldt.limit = 0
        for cache, name in ((front.gdt, "GDTR"), (front.idt, "IDTR")):
            cache.base, cache.limit = state[f"{name}_base"], state[f"{name}_limit"]
        for number in (0, 2, 3, 4):
            front.cr[number] = state[f"CR{number}"]
        for number in (0, 1, 2, 3, 6, 7):
            exceptions.dr[number] = state[f"DR{number}"]
        fast_calls, known = self._layout.fast_calls, state.get("MSR") or Cells()
        fast_calls.cs = known[IA32_SYSENTER_CS] & 0xFFFFFFFF
        fast_calls.esp, fast_calls.eip = known[IA32_SYSENTER_ESP], known[IA32_SYSENTER_EIP]
        exceptions.error_code = exceptions.is_software = 0
        exceptions.old_exception = -1
        self._engine.context_restore(self._layout.context)

    def _read(self) -> dict[str, int]:
        front, exceptions = self._layout.front, self._layout.exceptions
        after = {name: value & 0xFFFFFFFF for name, value in zip(REGISTERS, front.registers, strict=False)}
        after["EIP"] = front.eip & 0xFFFFFFFF
        flags = self._engine.reg_read(self._eflags)
        for name, bit in FLAGS.items():
            after[name] = flags >> bit & 1
        after["IOPL"] = flags >> 12 & 3
        after["CPL"] = front.hflags & 3
        for cache, name in zip(front.segments, SEGMENTS, strict=True):
            after[f"{name}_base"], after[f"{name}_limit"] = cache.base & 0xFFFFFFFF, cache.limit
            after[f"{name}_access"], after[f"{name}_big"] = cache.flags >> 8 & 0xFF, cache.flags >> 22 & 1
            after[f"{name}_selector"] = cache.selector
            after[f"{name}_index"] = cache.selector >> 2
        for cache, name in ((front.ldt, "LDTR"), (front.tr, "TR")):
            after[f"{name}_selector"], after[f"{name}_base"] = cache.selector, cache.base & 0xFFFFFFFF
            after[f"{name}_limit"] = cache.limit
            after[f"{name}_access"] = cache.flags >> 8 & 0xFF | 2 * (name == "TR")
        for cache, name in ((front.gdt, "GDTR"), (front.idt, "IDTR")):
            after[f"{name}_base"], after[f"{name}_limit"] = cache.base & 0xFFFFFFFF, cache.limit
        for number in (0, 2, 3, 4):
            after[f"CR{number}"] = front.cr[number] & 0xFFFFFFFF
        for number in (0, 1, 2, 3, 6, 7):
            after[f"DR{number}"] = exceptions.dr[number] & 0xFFFFFFFF
        after["halted"] = 0
        return after


def _is_halt(state: Mapping[str, Any]) -> bool:
    address = state["CS_base"] + state["EIP"]
    for _ in range(15):
        byte = state["memory"][address & 0xFFFFFFFF]
        if byte not in PREFIXES:
            return bool(byte == 0xF4)
        address += 1
    return False
