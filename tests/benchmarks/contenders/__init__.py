"""What runs a program: each takes a `Program` and returns millions of steps a second, or why it cannot."""

from .qemu import qemu
from .ringproof import blocks, interpreter, kernel
from .unicorn import unicorn

__all__ = ["blocks", "interpreter", "kernel", "qemu", "unicorn"]
