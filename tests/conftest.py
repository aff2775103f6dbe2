"""Settings that all tests share: Hypothesis repeats itself where `CI` is set, and explores elsewhere.

Kernels are kept with pytest's own cache, so that tests leave the user's alone.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from hypothesis import settings

os.environ.setdefault("RINGPROOF_CACHE", str(Path(__file__).parent.parent / ".pytest_cache" / "ringproof"))

# A shell starts what runs in the background with SIGINT ignored; tests of Ctrl-C need Python's own handler.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadlines: the first example of a test may pay for imports and for a solver's start.
settings.register_profile("ringproof-ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("ringproof", deadline=None, print_blob=True)
settings.load_profile("ringproof-ci" if os.environ.get("CI") else "ringproof")
