"""A kernel from disk is the one that would be built, and it is built anew where anything that it rests on differs."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

import ringproof
from ringproof.model.catalog import CATALOG, Entry, load
from ringproof.model.cpu import Cause, Kind
from ringproof.model.machine import Machine
from ringproof.model.third_generation import third_generation
from ringproof.traces.native import cache, fingerprint
from ringproof.traces.native.cache import compiled_kernel, usual_folder
from ringproof.traces.native.fingerprint import digest_of_sources
from ringproof.traces.native.kernel import build
from ringproof.traces.native.private_files import SECRET, PrivateFolder

OWN = """
import json
from pathlib import Path
from ringproof.model.third_generation import third_generation

def machine():
    made = third_generation({bits}, 64)
    made.name = "own"
    number = json.loads(Path(__file__).with_name("number.json").read_text())

    @made.instruction("SET", "SET", third_generation_form(made))
    def set(cpu):
        cpu.b = number

    return made

from ringproof.model.third_generation.machine import form
def third_generation_form(made):
    return form(made, 9, "")
"""


@pytest.fixture(autouse=True)
def _sources_as_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files may have been edited a moment before the tests began."""
    monkeypatch.setattr(ringproof, "IMPORTED_AT", time.time() + 1000)


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    return PrivateFolder(tmp_path / "kernels")


def entries(folder: PrivateFolder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir() if path.name != SECRET)


def check_from_disk(machine: Machine, folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    built, _ = compiled_kernel(machine, folder)
    assert len(entries(folder)) == 1
    with monkeypatch.context() as patch:
        patch.delattr(cache, "build")
        kernel, code = compiled_kernel(machine, folder)
    assert kernel == built
    assert code.start().size > 0


def test_the_second_time_nothing_is_built(folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    check_from_disk(load("third-generation"), folder, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ia32", "pdp10-ka10", "pdp10-ki10"])
def test_kernels_of_large_machines_are_kept(name: str, folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    check_from_disk(load(name), folder, monkeypatch)


def test_a_damaged_file_is_built_anew(folder: PrivateFolder) -> None:
    machine = load("third-generation")
    built, _ = compiled_kernel(machine, folder)
    (name,) = entries(folder)
    path = folder.path / name
    good = path.read_bytes()
    path.write_bytes(good[:-100] + bytes(100))
    assert compiled_kernel(machine, folder)[0] == built
    assert len(path.read_bytes()) == len(good) and folder.read(name) is not None


@pytest.mark.parametrize("content", [b"", b"\xc0", b"\x92\x80\xc4\x00"])
def test_content_of_another_form_is_built_anew(folder: PrivateFolder, content: bytes) -> None:
    """What an earlier ringproof wrote under this name, say."""
    machine = load("third-generation")
    built, _ = compiled_kernel(machine, folder)
    (name,) = entries(folder)
    folder.write(name, content)
    assert compiled_kernel(machine, folder)[0] == built


def test_code_that_wasmtime_refuses_is_built_anew(folder: PrivateFolder) -> None:
    machine = load("third-generation")
    built, _ = compiled_kernel(machine, folder)
    (name,) = entries(folder)
    content = folder.read(name)
    assert content is not None
    folder.write(name, content.replace(b"\x7fELF", b"\x7fFLE"))
    assert compiled_kernel(machine, folder)[0] == built


def test_nothing_is_kept_where_there_is_no_folder(tmp_path: Path) -> None:
    kernel, _ = compiled_kernel(load("third-generation"), None)
    assert kernel == build(load("third-generation"))


class OwnCause(Cause):
    """A cause that plain data cannot bring back."""


def test_causes_come_back_as_they_were_or_are_not_kept(folder: PrivateFolder) -> None:
    def trapping(cause: Cause) -> Machine:
        machine = third_generation(4)
        machine.begin = lambda cpu, length: cpu.trap(cause)
        return machine

    for kind in (Cause, OwnCause):
        expected = kind("own", Kind.PROGRAM, 7)
        for _ in range(2):
            kernel, _ = compiled_kernel(trapping(expected), folder)
            assert any(cause == expected and type(cause) is kind for cause, _ in kernel.traps.numbers)
    assert len(entries(folder)) == 1


# What the fingerprint tells apart.


def test_the_same_machine_has_one_fingerprint() -> None:
    assert fingerprint.fingerprint(load("third-generation")) == fingerprint.fingerprint(load("third-generation"))


def test_machines_of_the_catalogue_have_different_fingerprints() -> None:
    small = [name for name in CATALOG if name.startswith("third-generation")]
    assert len({fingerprint.fingerprint(load(name)) for name in small}) == len(small)


def test_an_assumption_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = load("pdp10-ka10")
    before = fingerprint.fingerprint(machine)
    name = next(a.name for a in machine.assumptions.values() if a.width == 0)
    machine.assuming({name: str(1 - machine.assumptions[name].value)})
    monkeypatch.delattr(fingerprint, "digest_of_terms")
    assert fingerprint.fingerprint(machine) != before


def test_a_machine_under_a_name_of_the_catalogue_is_told_apart() -> None:
    names = [load("third-generation"), third_generation(8), third_generation(9), load("third-generation")]
    extended = names[-1]
    extended.instructions = extended.instructions[:-1]
    assert len({fingerprint.fingerprint(machine) for machine in names}) == 4


def test_a_changed_meaning_is_told_apart() -> None:
    digests = set()
    for register in ("P", "l"):
        machine = load("third-generation")
        machine.instructions.pop()

        @machine.instruction("CLEAR", "CLEAR", machine.undefined[0])
        def clear(cpu: object, register: str = register) -> None:
            setattr(cpu, register, 0)

        digests.add(fingerprint.fingerprint(machine))
    assert len(digests) == 2


def test_an_entry_that_leads_outside_the_project_is_fingerprinted_by_its_terms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outside = Entry("ringproof.model.third_generation", "third_generation", "an absolute name")
    monkeypatch.setitem(CATALOG, "outside", outside)
    machine = load("outside")
    monkeypatch.setattr(fingerprint, "digest_of_terms", lambda machine: "asked")
    asked = fingerprint.fingerprint(machine)
    monkeypatch.setattr(fingerprint, "digest_of_terms", lambda machine: "asked again")
    assert fingerprint.fingerprint(machine) != asked


def test_what_a_users_file_reads_is_told_apart(tmp_path: Path) -> None:
    """Its source alone would not tell."""
    path, number = tmp_path / "own.py", tmp_path / "number.json"
    found = []
    for bits, value in ((8, 1), (8, 2), (9, 1), (8, 1)):
        path.write_text(OWN.format(bits=bits))
        number.write_text(str(value))
        found.append(fingerprint.fingerprint(load(str(path))))
    assert found[0] == found[3] and len(set(found)) == 3 and None not in found


def package(root: Path) -> ModuleType:
    made = ModuleType("some_package")
    made.__path__ = [str(root)]
    return made


def test_every_source_file_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "PACKAGES", (package(tmp_path),))
    later = time.time() + 1000
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.py").write_text("x = 1")
    (tmp_path / "folder" / "b.py").write_text("y = 1")
    found = [digest_of_sources(later)]
    (tmp_path / "folder" / "b.py").write_text("y = 2")
    found.append(digest_of_sources(later))
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    found.append(digest_of_sources(later))
    (tmp_path / "c.py").unlink()
    found.append(digest_of_sources(later))
    assert len(set(found)) == 4 and None not in found
    (tmp_path / "notes.txt").write_text("no source")
    assert digest_of_sources(later) == found[-1]


def test_sources_newer_than_the_process_vouch_for_nothing(folder: PrivateFolder) -> None:
    assert digest_of_sources(0) is None


def test_without_a_fingerprint_nothing_is_kept(folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ringproof, "IMPORTED_AT", 0)
    compiled_kernel(load("third-generation"), folder)
    assert not folder.path.exists()


def test_a_module_from_elsewhere_is_not_vouched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ringproof.model.elsewhere", package(Path("/elsewhere")))
    assert digest_of_sources(time.time() + 1000) is None


# Where the folder is.


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({"HOME": "/h"}, "linux", "/h/.cache/ringproof/kernels"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Caches/ringproof/kernels"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "linux", "/x/ringproof/kernels"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "relative"}, "linux", "/h/.cache/ringproof/kernels"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x", "RINGPROOF_CACHE": "/r"}, "linux", "/r/kernels"),
        ({"HOME": "/h", "RINGPROOF_CACHE": ""}, "linux", "/h/.cache/ringproof/kernels"),
        ({"HOME": "/h", "RINGPROOF_CACHE": "off"}, "linux", None),
        ({}, "linux", None),
    ],
)
def test_the_environment_says_where_kernels_are_kept(
    environment: dict[str, str], platform: str, expected: str | None
) -> None:
    folder = usual_folder(environment, platform)
    assert (folder and str(folder.path)) == expected
