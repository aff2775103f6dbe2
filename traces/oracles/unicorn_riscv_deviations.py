"""Where unicorn's RISC-V departs from the manuals. File names are those of qemu/target/riscv in unicorn 2."""

from __future__ import annotations

from collections.abc import Callable

from .comparison import Disagreement
from .deviations import Deviation

ATOMICS = tuple(
    f"AMO{name}.{size}"
    for name in ("SWAP", "ADD", "XOR", "AND", "OR", "MIN", "MAX", "MINU", "MAXU")
    for size in "WD"
)  # fmt: skip
LOAD_FOR_STORE = {"exception 6": "exception 4", "exception 7": "exception 5", "exception 15": "exception 13"}
CODE_PAGE = 0x80001
ILLEGAL, COMPLETES = "exception 2", "completes"


def csr(*names: str) -> tuple[str, ...]:
    """The rows of CSRs."""
    return tuple(f"csr {name} ({what})" for name in names for what in ("read", "write"))


def everything(disagreement: Disagreement) -> set[str]:
    return set(disagreement.differences)


def only(*names: str) -> Callable[[Disagreement], set[str]]:
    return lambda disagreement: set(names) & set(disagreement.differences)


def outcomes(ours: str, theirs: str) -> Callable[[Disagreement], set[str]]:
    """Everything, where the model says `ours` and unicorn `theirs`."""

    def explains(disagreement: Disagreement) -> set[str]:
        return everything(disagreement) if disagreement.differences.get("outcome") == (ours, theirs) else set()

    return explains


def _calls(disagreement: Disagreement) -> set[str]:
    theirs = disagreement.differences.get("outcome", ("", ""))[1]
    return {"outcome"} if theirs == "exception 8" else set()


def _as_load(disagreement: Disagreement) -> set[str]:
    ours, theirs = disagreement.differences.get("outcome", ("", ""))
    return {"outcome"} if LOAD_FOR_STORE.get(ours) == theirs else set()


def _fails_at_once(disagreement: Disagreement) -> set[str]:
    ours, theirs = disagreement.differences.get("outcome", ("", ""))
    return everything(disagreement) if ours in LOAD_FOR_STORE and theirs == COMPLETES else set()


def _destination(disagreement: Disagreement) -> set[str]:
    return {f"x{disagreement.case.fields['rd']}"} & set(disagreement.differences)


def _below_machine(disagreement: Disagreement) -> set[str]:
    return everything(disagreement) if disagreement.case.ring < 3 else _destination(disagreement)


def _nothing_written(disagreement: Disagreement) -> set[str]:
    case = disagreement.case
    op, rs1 = case.fields["op"], case.fields.get("rs1", 0)
    writes_nothing = op & 3 in (2, 3) and (rs1 if op & 4 else case.state["X"][rs1]) == 0
    return outcomes(ILLEGAL, COMPLETES)(disagreement) if writes_nothing else set()


def _cached(disagreement: Disagreement) -> set[str]:
    ours, theirs = disagreement.differences.get("outcome", ("", ""))
    modified = disagreement.case.state["MPRV"] and ours in ("exception 13", "exception 15") and theirs == COMPLETES
    return everything(disagreement) if modified else set()


def _misa(disagreement: Disagreement) -> set[str]:
    return _destination(disagreement) | only("mepc", "sepc")(disagreement)


UNICORN = (
    Deviation(
        "calls-from-U", "privileged manual, 3.3.1", "an environment call has cause 8 at every level; the level is "
        "looked at when the trap is delivered, which unicorn does not do", ("ECALL",), explains=_calls,
    ),
    Deviation(
        "breakpoints", "unprivileged manual, 2.8", "unicorn reports EBREAK as an illegal instruction",
        ("EBREAK", "C.EBREAK"), explains=outcomes("exception 3", ILLEGAL),
    ),
    Deviation(
        "protection", "privileged manual, 3.7", "its PMP entries are those that it starts with: none is set",
        csr("pmpcfg0-14", "pmpaddr0-63"), explains=_destination,
    ),
    Deviation(
        "schemes", "privileged manual, 12.1.11", "satp has Sv48 too", csr("satp"), explains=only("satp"),
    ),
    Deviation(
        "more-registers", "privileged manual, 2.2", "it has registers of extensions that the model has not",
        ("csr (not defined)",), explains=outcomes(ILLEGAL, COMPLETES),
    ),
    Deviation(
        "reserved-level", "privileged manual, 3.1.6.1", "MPP keeps the reserved level 2 (WARL)", csr("mstatus"),
        explains=only("mstatus"),
    ),
    Deviation(
        "atomics-load", "unprivileged manual, 14.4", "a fault of an AMO or SC is reported as a load's",
        (*ATOMICS, "SC.W", "SC.D"),
        explains=_as_load,
    ),
    Deviation(
        "conditional-without-reservation", "unprivileged manual, 14.2", "SC without a reservation fails before it "
        "looks at its address; the manual leaves that open", ("SC.W", "SC.D"), explains=_fails_at_once,
    ),
    Deviation(
        "missing-registers", "privileged manual, 2.2", "these registers came later than the privileged architecture "
        "1.11 that it has, or belong to what it has not (PMP, triggers, a timer)",
        csr("tselect", "tdata1-3", "pmpcfg0-14", "pmpaddr0-63", "menvcfg", "senvcfg", "mconfigptr", "time",
            "mcountinhibit"),
        explains=outcomes(COMPLETES, ILLEGAL),
    ),
    Deviation(
        "counters-of-the-host", "unprivileged manual, 7", "counters show the host's clock, below M-mode whatever "
        "mcounteren says", csr("cycle", "instret", "mcycle", "minstret"), explains=_below_machine,
    ),
    Deviation(
        "counters-allowed", "privileged manual, 3.1.11", "event counters can be read below M-mode whatever mcounteren "
        "says", csr("hpmcounter3-31"), explains=outcomes(ILLEGAL, COMPLETES),
    ),
    Deviation(
        "status-fields", "privileged manual, 3.1.6", "it has other fields of mstatus: neither UXL and SXL nor TVM, TW "
        "and TSR, but FS", csr("mstatus", "sstatus"), explains=_destination,
    ),
    Deviation(
        "extensions", "privileged manual, 3.1.1", "misa shows other extensions, and C stays on", csr("misa"),
        explains=_misa,
    ),
    Deviation(
        "identification", "privileged manual, 3.1.2", "its identification is another's",
        csr("mvendorid", "marchid", "mimpid", "mhartid"), explains=_destination,
    ),
    Deviation(
        "read-only-set", "unprivileged manual, 6.1", "CSRRS and CSRRC of a register other than x0 that holds 0 do not "
        "count as a write", (), explains=lambda d: _nothing_written(d) if "op" in d.case.fields else set(),
    ),
    Deviation(
        "enabled-interrupts", "privileged manual, 3.1.9", "mie keeps the bits of the hypervisor extension, and sie "
        "those that mideleg does not delegate", csr("mie", "sie"), explains=only("mie"),
    ),
    Deviation(
        "delegated", "privileged manual, 3.1.8", "mideleg and medeleg keep other bits (WARL)",
        csr("mideleg", "medeleg"), explains=only("mideleg", "medeleg"),
    ),
    Deviation(
        "counter-enables", "privileged manual, 3.1.11", "mcounteren and scounteren keep 64 bits",
        csr("mcounteren", "scounteren"), explains=only("mcounteren", "scounteren"),
    ),
    Deviation(
        "vectors", "privileged manual, 3.1.7", "a vector with a reserved mode is not written at all (WARL)",
        csr("mtvec", "stvec"), explains=only("mtvec", "stvec"),
    ),
    Deviation(
        "odd-addresses", "privileged manual, 3.1.14", "mepc and sepc keep bit 0, and returns do not clear it",
        (*csr("mepc", "sepc"), "MRET", "SRET"), explains=only("mepc", "sepc"),
    ),
    Deviation(
        "MPRV-after-return", "privileged manual, 3.1.6.3", "a return to a level below M does not clear MPRV",
        ("MRET", "SRET"), explains=only("mstatus"),
    ),
    Deviation(
        "MPRV-cached", "privileged manual, 3.1.6.3", "the page that code at M-mode runs in is cached with all rights, "
        "and used for data with MPRV too", (), explains=_cached,
    ),
)  # fmt: skip
