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
from .bochs_result import End, Result, decode

__all__ = ["MODELS_WITH_UMIP", "Bochs", "BochsError", "Capture", "End", "Probe", "ProbeError", "Result"]

MODELS_WITH_UMIP = ("corei3_cnl", "corei7_icelake_u", "tigerlake")

# The display "term" opens a pseudo-terminal of its own; nothing is shown on ours.
_CONFIGURATION = """\
config_interface: textconfig
display_library: term
memory: guest={megabytes}, host={megabytes}
romimage: file=rom, address={rom:#x}
vgaromimage: file=video
cpu: model={model}, count=1, ips=4000000, reset_on_triple_fault=1
clock: sync=none, time0=1
boot: disk
sound: driver=dummy
log: log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""


class BochsError(RuntimeError):
    """Bochs stopped or took too long before all probes were run; the message says at which and why."""


@dataclass(frozen=True, kw_only=True)
class Bochs:
    """Runs probes on a processor model of Bochs (`bochs --help cpu` lists them).

    Parameters
    ----------
    model: as "tigerlake" (with UMIP) or "pentium" (the oldest; CR4 has TSD and no PCE, and no UMIP).
    timeout: seconds of wall clock after which a Bochs is killed; a batch of thousands takes a few.
    """

    model: str = "tigerlake"
    timeout: float = 60.0

    @staticmethod
    def available() -> str | None:
        """None when Bochs works here, else a sentence that says what is missing. Tried once, on an empty batch."""
        return _trouble()

    def run(self, probes: Iterable[Probe]) -> list[Result]:
        """The results of `probes`, in order; each starts from the same fresh machine.

        Raises `OracleUnavailable` when there is no `bochs`, `ProbeError` for a probe too large, and `BochsError`
        when Bochs fails or exceeds the timeout. Deterministic, the time-stamp counter too.
        """
        results: list[Result] = []
        for image in images(probes):
            dump = self._dump(image)
            for probe, start in zip(image.probes, image.results, strict=True):
                result = decode(probe, dump[start - at.RESULTS :])
                if result is None:
                    raise BochsError(f"probe {len(results)} ({probe.code.hex(' ')}) left no result")
                results.append(result)
        return results

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
            self._wait([program, "-q", "-f", "configuration", "-rc", "commands"], folder)
            try:
                return (folder / "dump").read_bytes()
            except FileNotFoundError:
                raise BochsError(f"Bochs stopped without results: {_last_words(folder)}") from None

    def _wait(self, command: list[str], folder: Path) -> None:
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
                process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                raise BochsError(f"Bochs was killed after {self.timeout:g} seconds") from None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


@cache
def _trouble() -> str | None:
    try:
        Bochs().run([Probe(code=b"\x90")])
    except (OracleUnavailable, BochsError) as error:
        return f"Bochs does not work here: {error}"
    return None


def _last_words(folder: Path) -> str:
    """What Bochs said last: its panic if there is one, else the end of its output."""
    for name in ("log", "output"):
        path = folder / name
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        lines = [line.strip() for line in lines if ">>PANIC<<" in line or name == "output"]
        if any(lines):
            return next(line for line in reversed(lines) if line)
    return "it said nothing"
