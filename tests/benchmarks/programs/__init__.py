"""Programs to run, with their expected results: `PROGRAMS` by name.

Those of IA-32 are `unsigned run(unsigned size)` in C or assembly (`source/`), kept as built by `source/build.sh` in
`images/`: flat 32-bit code for one address, which leaves its result in EAX. Those of the third generation machine are
assembled from the model's own encodings.
"""

from .ia32 import PROGRAMS as IA32
from .program import Program
from .third_generation import PROGRAMS as THIRD_GENERATION

PROGRAMS: dict[str, Program] = {program.name: program for program in (*IA32, *THIRD_GENERATION)}

__all__ = ["IA32", "PROGRAMS", "THIRD_GENERATION", "Program"]
