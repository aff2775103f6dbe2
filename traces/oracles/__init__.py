"""Implementations that nobody here wrote, run on the model's own states and compared with it.

`comparison` draws the steps and compares; `deviations` lists, with the manual's section, where the other side
is known to be wrong. `unicorn_ia32` runs QEMU's processor, `host_ptrace` the one that runs this Python.
"""
