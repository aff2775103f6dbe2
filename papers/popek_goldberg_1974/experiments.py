"""The experiments on Popek and Goldberg 1974, in the paper's order: definitions, examples, theorems, slips."""

from __future__ import annotations

from functools import partial

from ..experiment import Experiment, Kind
from .literal import privileged_no_op, supervisor_calls
from .monitors import MACHINE, hybrid, proved, reflection
from .named import experiments, privileged, recursion
from .statements import stated_twice
from .vm_map import bound, unclamped

REFERENCE = (
    'Popek and Goldberg 1974, "Formal Requirements for Virtualizable Third Generation Architectures", '
    "Communications of the ACM 17(7), pages 412-421"
)

EXPERIMENTS = (
    Experiment(
        "definitions", "3",
        "privileged, control, behavior, mode, location and user sensitive, as the paper words them over states; here "
        "beside the formulas, over all states of a small machine", stated_twice,
    ),
    Experiment(
        "privileged", "3", "LPSW, LBAR and DATAO APR are privileged", privileged,
    ),
    *experiments(),
    Experiment(
        "theorem-1", "4, Lemmas 1 to 3, Theorem 1",
        "if every sensitive instruction is privileged, a monitor can be constructed: by trap and emulate",
        partial(proved, f"{MACHINE}/trap-and-emulate"),
    ),
    Experiment(
        "recursion", "Theorem 2", "the machine of Theorem 1 can be virtualized recursively, if timing plays no part",
        recursion,
    ),
    Experiment(
        "theorem-2", "Theorem 2", "a monitor runs in a virtual machine of a monitor",
        partial(proved, f"{MACHINE}/recursive"),
    ),
    Experiment(
        "theorem-3", "6, Theorem 3",
        "if every user sensitive instruction is privileged, a hybrid monitor can be constructed, whatever others are",
        hybrid,
    ),
    Experiment(
        "bound", "2", "(0, q-1) is all of memory, b being a size that addresses stay below", bound, Kind.SLIP,
    ),
    Experiment(
        "map", "4",
        "the map that moves the relocation by k and leaves its bound keeps a guest in its w cells, if b < w",
        unclamped, Kind.SLIP,
    ),
    Experiment(
        "supervisor-calls", "3",
        "an instruction is control sensitive if it changes M or R without a memory trap (every supervisor call does)",
        supervisor_calls, Kind.SLIP,
    ),
    Experiment(
        "privileged-innocuous", "3 and 4", "all innocuous instructions are executed directly, without intervention",
        privileged_no_op, Kind.SLIP,
    ),
    Experiment(
        "reflection", "4, Lemmas 1 to 3",
        "innocuous and sensitive instructions are all cases: nothing is said of a memory trap that is the guest's own",
        reflection, Kind.SLIP,
    ),
)  # fmt: skip
