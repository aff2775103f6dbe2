"""Whole programs: ELF files, the host that they talk to, and directories of them."""
