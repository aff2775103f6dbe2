"""`--context NAME`: named ways to run guests."""

from __future__ import annotations

import json

import pytest

from ringproof.__main__ import main

Capture = pytest.CaptureFixture[str]


@pytest.mark.slow
def test_a_context_chooses_the_levels_and_what_is_assumed(capsys: Capture) -> None:
    for arguments, context, machine_mode in (
        (["--context", "s-in-u"], "s-in-u", 0),
        ([], "m-in-u", 1),
        (["--assume", "mcounteren.TM=1", "--context", "m-in-u"], "m-in-u", 1),
    ):
        assert main(["check", "rv64", "--only", "MRET", "--json", "--quiet", "--jobs", "1", *arguments]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["context"]["context"] == context
        assert found["context"]["machine_mode"] == machine_mode
        assert found["instructions"][0]["privileged"] is (context == "m-in-u")


def test_a_context_that_is_none_is_one_sentence(capsys: Capture) -> None:
    assert main(["check", "rv64", "--context", "vs"]) == 2
    assert capsys.readouterr().err == "ringproof: rv64 has no context named 'vs'; it has m-in-u, s-in-u\n"
    assert main(["check", "ia32", "--context", "vs"]) == 2
    assert capsys.readouterr().err == "ringproof: ia32 has no context named 'vs'; it has none\n"


def test_contexts_are_listed(capsys: Capture) -> None:
    assert main(["machines", "rv64", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["contexts"]
    assert [(each["name"], each["top"], each["guest"]) for each in listed] == [
        ("m-in-u", "M", "U"),
        ("s-in-u", "S", "U"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("context", ["m-in-u", "s-in-u"])
def test_a_counterexample_of_a_context_replays(
    context: str, tmp_path_factory: pytest.TempPathFactory, capsys: Capture
) -> None:
    folder = tmp_path_factory.mktemp(context)
    command = ["check", "rv64", "--only", "csr sscratch (read)", "--context", context, "--quiet", "--jobs", "1"]
    assert main([*command, "--save", str(folder)]) == 0
    files = sorted(folder.glob("cx-*.json"))
    assert files
    for file in files:
        assert main(["replay", str(file)]) == 0
        assert "It still shows what it claims." in capsys.readouterr().out
