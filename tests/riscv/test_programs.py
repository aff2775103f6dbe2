"""Whole programs on the machine alone: what they print, how they exit, their files, and recording them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringproof.__main__ import main
from ringproof.model.catalog import CATALOG, named
from ringproof.traces.programs.elf import ProgramError, program_of

from .program_files import NAMES, WIDTHS, binary, build, expected, same_compiler

Capture = pytest.CaptureFixture[str]
TRAPS = binary("traps", 64)


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_program_prints_what_it_should(name: str, width: int, capsys: Capture) -> None:
    code = 5 if name == "host" else 0
    assert main(["run", "-q", str(binary(name, width))]) == (code != 0)
    printed, _, told = capsys.readouterr().out.rpartition(f"rv{width}: ")
    assert printed == expected(name, width)
    assert told.startswith(f"{name}.rv{width}.elf exited with code {code} within ")


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_binary_is_what_its_source_builds(name: str, width: int, tmp_path: Path) -> None:
    if not same_compiler(binary(name, width)):
        pytest.skip("the compiler that built the binaries is not installed")
    build(name, width, tmp_path / "built.elf")
    built, kept = (path.read_bytes() for path in (tmp_path / "built.elf", binary(name, width)))
    assert program_of(built, "built") == program_of(kept, "kept")


@pytest.mark.slow
def test_a_program_is_recorded_with_what_the_host_did(tmp_path: Path, capsys: Capture) -> None:
    trace = tmp_path / "host.trace"
    assert main(["run", "-q", str(binary("host", 64)), "--record", str(trace), "--every-step"]) == 1
    assert f"Recorded in {trace}" in capsys.readouterr().out
    assert main(["replay", "-q", str(trace)]) == 0
    assert "All were taken again" in capsys.readouterr().out


@pytest.mark.slow
def test_the_interpreter_runs_the_host_program_alike(capsys: Capture) -> None:
    documents = []
    for engine in ("native", "interpreter"):
        main(["run", "-q", "--json", "--engine", engine, str(binary("host", 64))])
        document = json.loads(capsys.readouterr().out)
        assert document.pop("engine") == engine
        documents.append(document)
    assert documents[0] == documents[1]
    assert (documents[0]["ended"], documents[0]["exit_code"]) == ("exit", 5)
    assert documents[0]["console"] == expected("host", 64)


@pytest.mark.slow
def test_a_program_that_does_not_exit_in_time_is_inconclusive(capsys: Capture) -> None:
    assert main(["run", "-q", str(TRAPS), "--steps", "100"]) == 3
    assert "rv64: 100 steps, as many as were asked for." in capsys.readouterr().out


def refused(capsys: Capture, *arguments: str) -> str:
    assert main(["run", "-q", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err.strip().splitlines()[-1]


def test_a_machine_of_another_width_is_refused(capsys: Capture) -> None:
    told = refused(capsys, str(TRAPS), "--machine", "rv32")
    assert told.endswith("is for e_machine 243 of 64 bits; rv32 runs e_machine 243 of 32 bits")


def test_a_machine_without_conventions_is_refused(capsys: Capture) -> None:
    told = refused(capsys, str(TRAPS), "--machine", "third-generation")
    assert told == (
        "ringproof: third-generation has no conventions for ELF files; load the program's bytes with --program"
    )


def test_what_is_no_program_is_refused(tmp_path: Path, capsys: Capture) -> None:
    text = tmp_path / "text.elf"
    text.write_text("not a program")
    assert refused(capsys, str(text)).endswith("is no ELF file; a machine or a program's ELF file was expected")
    missing = str(tmp_path / "none.elf")
    assert refused(capsys, missing).endswith("is not a file; a machine or a program's ELF file was expected")
    assert refused(capsys).endswith("what to run is missing: give a machine, a program's ELF file, or --suite DIR")


def test_options_that_do_not_go_with_an_elf_file_are_refused(capsys: Capture) -> None:
    told = refused(capsys, str(TRAPS), "--at", "0x80000000")
    assert told.endswith("an ELF file says itself where it lies; --at is for programs that do not")
    told = refused(capsys, str(TRAPS), "--inject", "3:PC=0")
    assert told.endswith("--inject does not go with an ELF file, whose host has the only inputs")


def changed(offset: int, form: str, value: int) -> bytes:
    content = bytearray(TRAPS.read_bytes())
    struct.pack_into(form, content, offset, value)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (changed(5, "<B", 2), "x is big-endian; a little-endian program was expected"),
        (changed(16, "<H", 3), "x is of type ET_DYN; an executable (ET_EXEC) was expected"),
        (changed(56, "<H", 5000), "x has 5000 program headers; at most 1024 are read"),
        (changed(56, "<H", 0), "x has nothing to be loaded"),
        (changed(64 + 32, "<Q", 1 << 40), "x has a segment at 0x80000000 of 0x10000000000 bytes"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_loaded_is_told_in_a_sentence(content: bytes, told: str) -> None:
    with pytest.raises(ProgramError) as raised:
        program_of(content, "x")
    assert str(raised.value).startswith(told)


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 199) | st.integers(-900, -1), st.integers(0, 255)), max_size=6), st.integers())
def test_a_hostile_file_is_read_or_refused(changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(TRAPS.read_bytes())
    for place, value in changes:
        content[place] = value
    try:
        program_of(bytes(content[: cut % (2 * len(content))]), "x")
    except ProgramError as error:
        assert len(str(error).splitlines()) == 1


def test_the_catalogue_says_of_a_machine_what_the_machine_says() -> None:
    for name in ("rv64", "rv32"):
        programs = named(name).programs
        assert programs is not None
        assert CATALOG[name].elf == programs.elf
