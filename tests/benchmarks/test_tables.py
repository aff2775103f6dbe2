"""Contenders take turns, the best figure counts, and a table shows it with its ratio or says why there is none."""

from __future__ import annotations

from importlib import import_module
from itertools import count

import pytest

from .__main__ import main, table
from .contenders.qemu import multiboot
from .contenders.ringproof import check
from .measuring import Row, WrongResult, least, most
from .programs import PROGRAMS
from .topics import TOPICS


def test_the_best_of_rounds_in_turns() -> None:
    turns: list[str] = []
    numbers = count()

    def run(name: str) -> float:
        turns.append(name)
        return float(next(numbers))

    contenders = {"a": lambda: run("a"), "b": lambda: run("b")}
    assert most(contenders, 2) == {"a": 2.0, "b": 3.0}
    assert least(contenders, 2) == {"a": 4.0, "b": 5.0}
    assert "".join(turns) == "abababab"


def test_a_contender_that_cannot_is_asked_once() -> None:
    answers: list[float | str] = ["not installed", 1.0]
    asked = iter(answers)
    assert most({"absent": lambda: next(asked)}) == {"absent": "not installed"}
    assert next(asked) == 1.0


def test_a_table_has_figures_ratios_and_reasons() -> None:
    rows = [Row("one", "MIPS", {"peer": 2.0, "ours": 50.0, "other": "not installed"}, "peer")]
    assert table(rows).splitlines() == ["       peer  ours      other", "  one  2     50 (25x)  not installed"]


def test_there_is_no_ratio_to_a_missing_figure() -> None:
    assert Row("one", "MIPS", {"peer": "not installed", "ours": 50.0}, "peer").ratio("ours") is None


def test_a_wrong_result_is_no_figure() -> None:
    program = PROGRAMS["primes"]
    with pytest.raises(WrongResult, match=r"^someone found 5 in primes of 10, not 4$"):
        check("someone", program, 10, 5)
    check("someone", program, 10, 4)


def test_every_topic_has_rows() -> None:
    for topic in TOPICS:
        assert callable(import_module(f".topics.{topic}", __package__).rows)


def test_an_unknown_topic_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--only", "nothing"])
    assert "invalid choice: 'nothing'" in capsys.readouterr().err


def test_a_multiboot_header_adds_up_to_zero() -> None:
    """Multiboot Specification 0.6.96, section 3.1.2: magic, flags and checksum."""
    image = multiboot(b"\xc3", 1, 2)
    words = [int.from_bytes(image[at : at + 4], "little") for at in (0, 4, 8)]
    assert words[0] == 0x1BADB002 and sum(words) % (1 << 32) == 0
    assert image.endswith(b"\0\xc3") and len(image) == 0x1001
