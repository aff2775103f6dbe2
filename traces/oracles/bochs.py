"""Bochs, an emulator that nobody here wrote, as a judge of 32-bit protected mode without paging.

>>> from ringproof.traces.oracles.bochs import Bochs, End, Probe
>>> smsw = bytes.fromhex("0F 01 E0")  # smsw eax
>>> if Bochs.available() is None:
...     plain, prevented = Bochs().run([Probe(code=smsw), Probe(code=smsw, cr4=1 << 11)])
...     assert (plain.end, plain.registers["eax"]) == (End.COMPLETED, 0x11)
...     assert (prevented.end, prevented.vector, prevented.error_code) == (End.EXCEPTION, 13, 0)

All probes of a batch are run by one Bochs, which starts from an image of ours (`bochs_image`) instead of a
BIOS, and whose debugger at last dumps the memory with the results. The debugger must be built in, as in Debian.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import bochs_layout as at
from .answers import OracleUnavailable
from .bochs_image import Image, images
from .bochs_probe import Capture, Probe, ProbeError
from .bochs_report import outcome, summary, table
from .bochs_result import End, Result, decode, lost

__all__ = [
    "MODELS_WITH_UMIP",
    "Bochs",
    "BochsError",
    "Capture",
    "End",
    "Probe",
    "ProbeError",
    "Result",
    "outcome",
    "summary",
    "table",
]

MODELS_WITH_UMIP = ("corei3_cnl", "corei7_icelake_u", "tigerlake")

_SIMPLEST = (Probe(code=b"\x90"),)

# The display "term" opens a pseudo-terminal of its own; nothing is shown on ours.
_CONFIGURATION = """\
config_interface: textconfig
display_library: term
memory: guest={megabytes}, host={megabytes}
romimage: file=rom, address={rom:#x}
vgaromimage: file=video
cpu: model={model}, count=1, ips=4000000, reset_on_triple_fault=1, ignore_bad_msrs=0
clock: sync=none, time0=1
boot: disk
sound: driver=dummy
log: log
panic: action=report
error: action=ignore
info: action=ignore
debug: action=ignore
"""


class BochsError(RuntimeError):
    """Bochs does not run even the simplest probe; the message has its last words."""


class _StoppedError(Exception):
    """Bochs ended without results, or was killed; the message has its last words."""


@dataclass(frozen=True, kw_only=True)
class Bochs:
    """Runs probes on a processor model of Bochs (`bochs --help cpu` lists them).

    Parameters
    ----------
    model: as "tigerlake" (has UMIP), or "pentium" (the oldest: no UMIP, and RDPMC is undefined).
    timeout: seconds of wall clock after which a Bochs is killed, and 20 ms more for each probe of a batch. A
        probe takes 1 to 2 ms, and Bochs 0.1 s to start.
    """

    model: str = "tigerlake"
    timeout: float = 20.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w+", self.model):
            raise ValueError(f"{self.model!r} is not the name of a processor model, like 'tigerlake'")

    @staticmethod
    def available() -> str | None:
        """None when Bochs works here, else a sentence that says what is missing. Tried once, with one probe."""
        return _trouble()

    def run(self, probes: Iterable[Probe]) -> list[Result]:
        """The results of `probes`, in order. Each starts from the same machine, model-specific registers and the
        registers of devices excepted; the time-stamp counter starts from 0.

        A probe that stops Bochs itself is found by halving its batch, and reported as `End.LOST`. Raises
        `OracleUnavailable` when there is no program `bochs`, `ProbeError` for a probe too large, and `BochsError`
        when Bochs does not work at all.
        """
        return [result for image in images(probes) for result in self._results(image)]

    def _results(self, image: Image) -> list[Result]:
        try:
            dump = self._dump(image)
        except _StoppedError as error:
            if image.probes == _SIMPLEST:
                raise BochsError(f"Bochs does not work as {self.model!r}: {error}") from None
            self.run(_SIMPLEST)
            half = len(image.probes) // 2
            return self.run(image.probes[:half]) + self.run(image.probes[half:]) if half else [lost(*image.probes)]
        return [
            decode(probe, dump[start - at.RESULTS :]) or lost(probe)
            for probe, start in zip(image.probes, image.results, strict=True)
        ]

    def _dump(self, image: Image) -> bytes:
        """The memory with the results after a run of the image."""
        program = shutil.which("bochs")
        if program is None:
            raise OracleUnavailable("there is no program `bochs` (Debian's packages: bochs, bochs-term)")
        with tempfile.TemporaryDirectory(prefix="ringproof-bochs-") as name:
            folder = Path(name)
            (folder / "rom").write_bytes(image.rom)
            (folder / "video").write_bytes(bytes(512))
            (folder / "configuration").write_text(
                _CONFIGURATION.format(megabytes=at.MEMORY_SIZE >> 20, rom=at.ROM, model=self.model)
            )
            # The debugger stops at each shutdown and at the end, where the harness stops again and again.
            dump = f'writemem "dump" {at.RESULTS:#x} {image.end - at.RESULTS}\n'
            (folder / "commands").write_text("c\n" * (len(image.probes) + 1) + dump + "quit\n")
            seconds = self.timeout + 0.02 * len(image.probes)
            _execute([program, "-q", "-f", "configuration", "-rc", "commands"], folder, seconds)
            try:
                return (folder / "dump").read_bytes()
            except FileNotFoundError:
                raise _StoppedError(_last_words(folder)) from None


def _execute(command: list[str], folder: Path, seconds: float) -> None:
    """Runs a command in a folder, its output to the file "output", and kills what is left of it in the end."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "TERM": "vt100"},
            start_new_session=True,
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise _StoppedError(f"it was killed after {seconds:g} seconds") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@cache
def _trouble() -> str | None:
    try:
        Bochs().run(_SIMPLEST)
    except (OracleUnavailable, BochsError) as error:
        return f"{error}"
    return None


def _last_words(folder: Path) -> str:
    """Why Bochs stopped: what it said at its exit, else its last panic."""
    texts = [path.read_text(errors="replace") for path in (folder / "output", folder / "log") if path.exists()]
    found = re.findall(r"exiting with the following message:\n(.+)|>>PANIC<< (.+)", "\n".join(texts))
    return " ".join((found[-1][0] or found[-1][1]).split()) if found else "it did not say why"
