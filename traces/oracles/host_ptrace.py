"""A process of the host, stopped, that executes one instruction at a time from any registers (Linux on x86-64).

What program the process was started with does not matter: it is seized, its memory below 4 Gbytes is given back,
and system calls that it needs are executed in it one by one. A signal that an instruction causes is delivered, so
that the kernel writes the exception's vector and error code into the signal's frame; the handler is never entered.
See ptrace(2), sigaction(2), and the kernel's arch/x86/kernel/signal_64.c.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import signal
import struct
import subprocess
import sys
import weakref
from typing import NamedTuple

from .answers import OracleUnavailable

NAMES = (
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
    "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
)  # fmt: skip
CODE_64, DATA = 0x33, 0x2B
MASK_64 = (1 << 64) - 1

# Requests of ptrace, and what a stop says. <linux/ptrace.h>, <asm-generic/siginfo.h>.
POKE, SINGLE_STEP, GET_REGISTERS, SET_REGISTERS = 4, 9, 12, 13
GET_SIGNAL, SEIZE, INTERRUPT = 0x4202, 0x4206, 0x4207
EXIT_KILL = 1 << 20
TRAP_TRACE = 2

# System calls. <asm/unistd_64.h>.
MMAP, MUNMAP, SIGACTION, SIGNAL_STACK = 9, 11, 13, 131
READ_WRITE_EXECUTE, SHARED, FIXED = 7, 0x01, 0x10
WITH_INFO, ON_STACK, NOT_MASKED, WITH_RESTORER = 0x4, 0x08000000, 0x40000000, 0x04000000

# Memory that only the tracer uses: a syscall instruction, arguments of system calls, and the signals' stack.
PRIVATE = 0x40000
CODE_AT, ARGUMENTS_AT, STACK_AT = 0, 0x800, 0x1000
SYSCALL = b"\x0f\x05"
NEVER_ENTERED = 0x1000

# Of the frame's ucontext: general registers start at 40; 19 is the error code, 20 the vector, 22 CR2.
CONTEXT = 40
ERROR_CODE, VECTOR, FAULT_ADDRESS = 19, 20, 22


class HostError(RuntimeError):
    """The process did something that no instruction of a case can make it do."""


class Registers(ctypes.Structure):
    """`struct user_regs_struct` of <sys/user.h>."""

    _fields_ = [(name, ctypes.c_uint64) for name in NAMES]


class Fault(NamedTuple):
    """An exception as the kernel reports it; `address` is CR2, which a page fault sets."""

    vector: int
    error_code: int
    address: int


class Traced:
    """The stopped process. All calls must come from the thread that made it: the kernel traces by thread.

    `registers` are what the process starts the next step from, and what it had after the last. `size` bytes of
    memory are shared with it as `memory`, and appear in it where `place` puts them.
    """

    def __init__(self, size: int) -> None:
        _check_host()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.restype = ctypes.c_long
        self._libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.size, self.base = size, 0
        self.registers = Registers()
        self._signal = (ctypes.c_int * 32)()
        self._file = os.memfd_create("ringproof")
        self._close_file = weakref.finalize(self, os.close, self._file)
        os.truncate(self._file, size + PRIVATE)
        self._shared = mmap.mmap(self._file, size + PRIVATE)
        self.memory = memoryview(self._shared)[:size]
        program = [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"]
        process = subprocess.Popen(program, pass_fds=[self._file], start_new_session=True)
        self._end = weakref.finalize(self, _end, process)
        self.pid = process.pid
        try:
            self._seize()
            self._private = self._map_private()
            self._free_low_memory()
            self._catch_signals()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the process."""
        self._end()
        self._close_file()

    # Starting.

    def _seize(self) -> None:
        try:
            self._ptrace(SEIZE, 0, EXIT_KILL)
        except OSError as error:
            raise OracleUnavailable(f"this host does not let a process be traced: {error.strerror}") from None
        self._ptrace(INTERRUPT)
        self._wait()

    def _map_private(self) -> int:
        """Maps the tracer's memory into the process, by a syscall instruction put in the way of its own code."""
        self._ptrace(POKE, self.registers.rip, int.from_bytes(SYSCALL, "little"))
        self._syscall_at = self.registers.rip
        address = self.syscall(MMAP, 0, PRIVATE, READ_WRITE_EXECUTE, SHARED, self._file, self.size)
        self._shared[self.size + CODE_AT : self.size + CODE_AT + 2] = SYSCALL
        self._syscall_at = address + CODE_AT
        return address

    def _free_low_memory(self) -> None:
        with open(f"/proc/{self.pid}/maps") as maps:
            ranges = [[int(end, 16) for end in line.split()[0].split("-")] for line in maps]
        for start, end in ranges:
            if start < 1 << 32:
                self.syscall(MUNMAP, start, end - start)

    def _catch_signals(self) -> None:
        flags = WITH_INFO | ON_STACK | NOT_MASKED | WITH_RESTORER
        action = self.argument(struct.pack("<4Q", NEVER_ENTERED, flags, NEVER_ENTERED, 0))
        for number in (signal.SIGILL, signal.SIGTRAP, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV):
            self.syscall(SIGACTION, number, action, 0, 8)
        stack = struct.pack("<QQQ", self._private + STACK_AT, 0, PRIVATE - STACK_AT)
        self.syscall(SIGNAL_STACK, self.argument(stack), 0)

    # Using.

    def place(self, base: int) -> None:
        """Moves the shared memory to `base` in the process."""
        if self.base:
            self.syscall(MUNMAP, self.base, self.size)
        self.base = base
        self.syscall(MMAP, base, self.size, READ_WRITE_EXECUTE, SHARED | FIXED, self._file, 0)

    def argument(self, data: bytes) -> int:
        """The address of `data`, put where system calls find their arguments."""
        at = self.size + ARGUMENTS_AT
        self._shared[at : at + len(data)] = data
        return self._private + ARGUMENTS_AT

    def argument_bytes(self, size: int) -> bytes:
        """What a system call left there."""
        at = self.size + ARGUMENTS_AT
        return self._shared[at : at + size]

    def syscall(self, number: int, *arguments: int) -> int:
        """Executes a system call in the process. Raises OSError as the kernel answers."""
        registers = self._in_64_bits(self._syscall_at)
        registers.rax = number
        for name, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), arguments, strict=False):
            setattr(registers, name, value & MASK_64)
        self._set()
        self._resume(0)
        if registers.rip != self._syscall_at + len(SYSCALL):
            raise HostError(f"system call {number} left the process at {registers.rip:#x}")
        if registers.rax > MASK_64 - 4096:
            error = -registers.rax & MASK_64
            raise OSError(error, os.strerror(error), f"system call {number} in the traced process")
        return int(registers.rax)

    def execute(self, code: bytes, stack: bytes) -> None:
        """Executes one 64-bit instruction with RSP at `stack`."""
        at = self.size + CODE_AT + 16
        self._shared[at : at + len(code)] = code
        registers = self._in_64_bits(self._private + CODE_AT + 16)
        registers.rsp = self.argument(stack)
        self._set()
        if self.step() is not None:
            raise HostError(f"the instruction {code.hex()} faulted")

    def _in_64_bits(self, rip: int) -> Registers:
        registers = self.registers
        registers.rip, registers.cs, registers.ss, registers.eflags = rip, CODE_64, DATA, 2
        registers.ds = registers.es = registers.fs = registers.gs = 0
        return registers

    def load(self) -> None:
        """Gives the process `registers`, outside of any system call."""
        self._set()

    def step(self) -> Fault | None:
        """Executes one instruction; the exception that it raised, or None."""
        number = self._resume(0)
        self._ptrace(GET_SIGNAL, 0, ctypes.addressof(self._signal))
        if number == signal.SIGTRAP and self._signal[2] == TRAP_TRACE:
            return None
        before = bytes(self.registers)
        if self._resume(number) != signal.SIGTRAP or self.registers.rip != NEVER_ENTERED:
            raise HostError(f"signal {number} was not delivered to its handler")
        at = self.registers.rdx - self._private + self.size + CONTEXT
        frame = struct.unpack_from("<23Q", self._shared, at)
        ctypes.memmove(ctypes.addressof(self.registers), before, len(before))
        return Fault(frame[VECTOR], frame[ERROR_CODE], frame[FAULT_ADDRESS])

    # Tracing.

    def _resume(self, number: int) -> int:
        """Runs to the next stop, delivering signal `number`; the signal that stopped it."""
        self._ptrace(SINGLE_STEP, 0, number)
        return self._wait()

    def _wait(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        if not os.WIFSTOPPED(status):
            raise HostError(f"the traced process ended with status {status:#x}")
        self._ptrace(GET_REGISTERS, 0, ctypes.addressof(self.registers))
        return os.WSTOPSIG(status)

    def _set(self) -> None:
        self.registers.orig_rax = MASK_64
        self._ptrace(SET_REGISTERS, 0, ctypes.addressof(self.registers))

    def _ptrace(self, request: int, address: int = 0, data: int = 0) -> None:
        if self._libc.ptrace(request, self.pid, address, data) == -1:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), f"ptrace request {request:#x}")


def _check_host() -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64" or sys.maxsize < 1 << 32:
        raise OracleUnavailable(
            f"the host's own processor is used on Linux on x86-64 only, not on {sys.platform} on {platform.machine()}"
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
