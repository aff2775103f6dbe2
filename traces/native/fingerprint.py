"""What a kernel depends on, as one digest, found without building the kernel.

The digest covers

- the source files of `ringproof.model` and `ringproof.traces`: the machine, the terms, the code that writes kernels;
- Python's and wasmtime's version, and the processor, for which compiled code is made;
- the values of all assumptions;
- of a machine of the catalogue of which nothing else was changed, its entry; of any other machine, one from a user's
  file among them, the *terms* of everything it does. A user's file may import and read what it likes, so no list
  of files says what its instructions mean, but their terms do. They take as long to build as they take.

There is no digest where the source files cannot tell what this process runs: where a module was not loaded from one
of them, or one was changed after the process began. Functions replaced in a running process (as a test may do) are
not noticed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

import ringproof
from ringproof import model, traces
from ringproof.model.catalog import entry_of
from ringproof.model.cpu import Outcome
from ringproof.model.encoding import Encoding
from ringproof.model.machine import Machine
from ringproof.model.terms import BitVec, Term, topological, var

from .runtime import runtime_identity

PACKAGES = (model, traces)
MARGIN = 1.0
"""Seconds before this process's start in which a change of a file counts as later: file systems round times."""


def fingerprint(machine: Machine) -> str | None:
    """The digest of all that `machine`'s kernel depends on, in hexadecimal, or None where nothing can vouch for it."""
    sources = digest_of_sources(ringproof.IMPORTED_AT)
    if sources is None:
        return None
    python = (sys.implementation.name, sys.version, sys.flags.optimize)
    assumed = [(a.name, a.value, a.width, a.scope) for a in machine.assumptions.values()]
    entry = entry_of(machine)
    # An entry with an absolute name leads outside the files above.
    own = entry is not None and entry.module.startswith(".")
    what: object = (entry.module, entry.function, entry.arguments) if entry and own else digest_of_terms(machine)
    return blake2b(repr((sources, python, runtime_identity(), assumed, what)).encode(), digest_size=20).hexdigest()


def digest_of_sources(started: float) -> str | None:
    """The digest of the source files' names and contents, or None where they may not be what runs since `started`."""
    digest, paths = blake2b(digest_size=32), set()
    for package in PACKAGES:
        (root,) = package.__path__
        for path in _source_files(root):
            try:
                about = os.stat(path)
                if max(about.st_mtime, about.st_ctime) > started - MARGIN:
                    return None
                with open(path, "rb") as file:
                    content = file.read()
            except OSError:
                return None
            digest.update(f"{path[len(root) :]} {len(content)}\n".encode())
            digest.update(content)
            paths.add(path)
    loaded = [m for name, m in sys.modules.items() if name.startswith(tuple(f"{p.__name__}." for p in PACKAGES))]
    if not all(module.__spec__ is not None and module.__spec__.origin in paths for module in loaded):
        return None
    return digest.hexdigest()


def _source_files(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders.sort()
        yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(".py"))


def digest_of_terms(machine: Machine) -> str:
    """The digest of what the machine does: its components, encodings, the fetch, every outcome and delivery."""
    outcomes = [machine.outcome(instruction) for instruction in machine.instructions]
    fetch, deliver = machine.fetch, machine.deliver
    words: list[Term] = []
    fetched = [] if fetch is None else [machine.run(lambda cpu: words.append(fetch(cpu)))]
    causes = {
        (trap.cause, tuple((name, term.width) for name, term in trap.details.items())): None
        for outcome in (*fetched, *outcomes)
        for trap in outcome.traps
    }
    deliveries: list[object] = []
    for cause, details in causes if deliver is not None else ():
        given = {name: var(f"${name}", BitVec(width)) for name, width in details}
        outcome = machine.run(lambda cpu, cause=cause, given=given: deliver(cpu, cause, given))  # type: ignore[misc]
        deliveries.append((repr(cause), details, _outcome(outcome)))
    return _digest(
        (
            (machine.name, str(machine.word), machine.mode, *machine.levels.items(), machine.counter),
            [(c.name, str(c.sort), c.role.value) for c in machine.components.values()],
            [(i.id, _encoding(i.encoding), _outcome(o)) for i, o in zip(machine.instructions, outcomes, strict=True)],
            [_encoding(encoding) for encoding in (*machine.undefined, *machine.omitted)],
            [words, [_outcome(outcome) for outcome in fetched]],
            deliveries,
        )
    )


def _outcome(outcome: Outcome) -> object:
    traps = [(repr(trap.cause), trap.guard, *trap.details.items()) for trap in outcome.traps]
    return traps, list(outcome.state.items()), outcome.choices


def _encoding(encoding: Encoding) -> object:
    lengths: Mapping[str, Term] = encoding.length_fields or {}
    return encoding.text, encoding.matches, encoding.length, list(encoding.fields.items()), list(lengths.items())


def _digest(description: object) -> str:
    """The digest of nested lists of texts, numbers and terms: each node of the terms once, by its number."""
    digest = blake2b(digest_size=32)
    numbers: dict[int, int] = {}
    for node in topological(_terms(description)):
        numbers[id(node)] = len(numbers)
        arguments = [numbers[id(argument)] for argument in node.args]
        digest.update(f"{(node.op, str(node.sort), node.data, arguments)!r}\n".encode())
    digest.update(repr(_numbered(description, numbers)).encode())
    return digest.hexdigest()


def _terms(description: object) -> Iterator[Term]:
    if isinstance(description, Term):
        yield description
    elif isinstance(description, list | tuple):
        for part in description:
            yield from _terms(part)


def _numbered(description: object, numbers: Mapping[int, int]) -> object:
    if isinstance(description, Term):
        return "term", numbers[id(description)]
    if isinstance(description, list | tuple):
        parts: Iterable[object] = description
        return [_numbered(part, numbers) for part in parts]
    return description
