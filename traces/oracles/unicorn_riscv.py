"""One RISC-V instruction in unicorn (QEMU's processor), from any state of the model.

CSRs are written and read as numbers at M-mode (below it unicorn reads nothing useful), and the level is set last.
Unicorn reports exceptions and never enters their handlers. It has PMP but shows none of it: states give everybody
everything by their first entry, and unicorn none. It sets A and D bits itself, and has no misa.C to turn off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringproof.traces.python_code import Cells

from .answers import Answer, Cannot, Completed, OracleUnavailable, Raised
from .unicorn_memory import Memory

CSRS = (
    "mstatus", "medeleg", "mideleg", "mie", "mtvec", "mepc", "mcause", "mtval", "mscratch", "satp", "mcounteren",
    "scounteren", "stvec", "sepc", "scause", "stval", "sscratch",
)  # fmt: skip
ILLEGAL = 2
FETCHING = (1, 12)
MASK = (1 << 64) - 1
PAST = 4
"""How far past an instruction that cannot be fetched the program counter is shown."""
NOWHERE = 0xFFFF_FFFF_FFFF_FFF0
MACHINE = 3
WRITE = 1
"""The direction of a control that sets something."""


class UnicornRiscV:
    """Runs single instructions. One object is reused for many; it is not safe to share between threads.

    `csrs` gives the values of `CSRS` in a state of the model.
    """

    name = "unicorn"

    def __init__(self, csrs: Any) -> None:
        try:
            import unicorn
            from unicorn import riscv_const
        except ImportError as error:
            raise OracleUnavailable("the package unicorn is not installed") from error
        self.version = str(unicorn.__version__)
        self._csrs = csrs
        self._error = unicorn.UcError
        self._flush_translations = unicorn.UC_CTL_TLB_FLUSH
        engine: Any = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        self._engine = engine
        self._faults = {
            unicorn.UC_ERR_FETCH_UNMAPPED: 1, unicorn.UC_ERR_READ_UNMAPPED: 5, unicorn.UC_ERR_WRITE_UNMAPPED: 7,
            unicorn.UC_ERR_INSN_INVALID: ILLEGAL, unicorn.UC_ERR_FETCH_PROT: 12, unicorn.UC_ERR_READ_PROT: 13,
            unicorn.UC_ERR_WRITE_PROT: 15,
        }  # fmt: skip
        names = {"mtval": "MBADADDR", "stval": "SBADADDR"}
        self._numbers = [getattr(riscv_const, f"UC_RISCV_REG_{names.get(name, name.upper())}") for name in CSRS]
        self._x = [getattr(riscv_const, f"UC_RISCV_REG_X{number}") for number in range(32)]
        self._pc, self._priv = riscv_const.UC_RISCV_REG_PC, riscv_const.UC_RISCV_REG_PRIV
        self._memory = Memory(engine)
        self._fresh = engine.context_save()
        self._raised: list[int] = []
        self._stored: list[tuple[int, int]] = []
        engine.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        engine.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._on_store)
        engine.hook_add(unicorn.UC_HOOK_MEM_UNMAPPED, self._on_unmapped)

    def _on_exception(self, engine: Any, number: int, _: Any) -> None:
        self._raised.append(number)
        engine.emu_stop()

    def _on_store(self, engine: Any, access: int, address: int, size: int, value: int, _: Any) -> None:
        self._stored.append((address, size))

    def _on_unmapped(self, engine: Any, access: int, address: int, size: int, value: int, _: Any) -> bool:
        if not 0 <= address < 1 << 32:
            return False
        self._memory.touch(address)
        if (address & 0xFFF) + size > 0x1000:
            self._memory.touch((address + size) & 0xFFFFFFFF)
        return True

    def run(self, state: Mapping[str, Any], *, limit: int = 1) -> Answer:
        """Runs the instruction at PC of `state`, which is left as it is."""
        engine = self._engine
        memory: Cells = state["memory"]
        self._memory.load(memory)
        self._raised.clear()
        self._stored.clear()
        engine.context_restore(self._fresh)
        engine.ctl_flush_tb()
        engine.ctl(self._flush_translations, WRITE)
        engine.reg_write(self._priv, MACHINE)
        for number, value in zip(self._numbers, self._csrs(state), strict=True):
            engine.reg_write(number, value)
        for number in range(1, 32):
            engine.reg_write(self._x[number], state["X"][number])
        engine.reg_write(self._pc, state["PC"])
        engine.reg_write(self._priv, state["priv"])
        failure = None
        try:
            engine.emu_start(state["PC"], NOWHERE, count=1)
        except self._error as error:
            failure = error.errno
        answer = self._answer(failure, state["PC"])
        self._memory.restore(dict.fromkeys(self._changed(), 0))
        return answer

    def _changed(self) -> set[int]:
        return {(address + n) & 0xFFFFFFFF for address, size in self._stored for n in range(size)}

    def _answer(self, failure: int | None, start: int) -> Answer:
        engine = self._engine
        after: dict[str, Any] = {"priv": engine.reg_read(self._priv), "PC": engine.reg_read(self._pc) & MASK}
        engine.reg_write(self._priv, MACHINE)
        after["csrs"] = [engine.reg_read(number) for number in self._numbers]
        after["registers"] = [engine.reg_read(number) for number in self._x]
        written = {address: self._memory.read(address) for address in self._changed()}
        vector = self._raised[0] if self._raised else None
        if failure is not None:
            if failure not in self._faults:
                return Cannot(f"unicorn stopped with error {failure}")
            vector = self._faults[failure] if vector is None else vector
        past = PAST if self._raised else 0
        if vector in FETCHING and after["PC"] != start + past:
            # It has gone on to the next instruction, whose fetch failed.
            after["PC"] = after["PC"] - past & MASK
            vector = None
        if vector is None:
            return Completed(after, written)
        del after["PC"]
        return Raised(vector, None, False, after, written)
