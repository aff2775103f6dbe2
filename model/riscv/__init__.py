"""RISC-V: the unprivileged and the privileged architecture, with XLEN 64 or 32."""

from .machine import rv32, rv64

__all__ = ["rv32", "rv64"]
