"""Implementations that nobody here wrote, run on the model's own states and compared with it.

`comparison` draws steps and compares, `deviations` explains a difference by what is listed of the other side, with
the manual's section, and `validation` counts. `sources` has an entry for each oracle:

- `unicorn_ia32` runs QEMU's processor, from any state of the model; so counterexamples run there too, with
  `machine_code` putting their code in place;
- `bochs_ia32` runs Bochs, from the states that its harness can make: those of `probes`, an enumeration;
- `host_processor` runs the processor that runs this Python, at CPL 3.
"""
