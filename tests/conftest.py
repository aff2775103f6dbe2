"""Settings that all tests share: Hypothesis repeats itself where `CI` is set, and explores elsewhere."""

from __future__ import annotations

import os

from hypothesis import settings

# No deadlines: the first example of a test may pay for imports and for a solver's start.
settings.register_profile("ringproof-ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("ringproof", deadline=None, print_blob=True)
settings.load_profile("ringproof-ci" if os.environ.get("CI") else "ringproof")
