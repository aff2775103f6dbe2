"""Kernels kept on disk, so that a machine's is built and compiled once.

A file holds the kernel's description and its compiled code, under the name of its `fingerprint`; whatever is not what
this process would build, or was not written by this user's ringproof (see `private_files`), is built anew. The folder
is `kernels` in that of RINGPROOF_CACHE, else in the system's place for caches: `ringproof` in XDG_CACHE_HOME or
`~/.cache`, or `~/Library/Caches/ringproof` on macOS. RINGPROOF_CACHE=off keeps nothing. A folder that cannot be
used makes starting slower and is no error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from ringproof.model.machine import Machine

from .fingerprint import fingerprint
from .kernel import Kernel, build
from .layout import NativeError
from .private_files import PrivateFolder
from .runtime import Code

VARIABLE = "RINGPROOF_CACHE"
OFF = "off"


class Kept(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What a file holds."""

    kernel: Kernel
    code: bytes


def compiled_kernel(machine: Machine, folder: PrivateFolder | None) -> tuple[Kernel, Code]:
    """The kernel of `machine` and its code, from `folder` where that has them. Raises NativeError as `build` does."""
    name = None if folder is None else fingerprint(machine)
    if folder is None or name is None:
        kernel = build(machine)
        return kernel, Code.compile(kernel.content)
    found = _read(folder.read(name))
    if found is not None:
        return found
    kernel = build(machine)
    code = Code.compile(kernel.content)
    content = msgspec.msgpack.encode(Kept(kernel, code.serialize()))
    # A cause of a user's own class would come back as a plain one.
    if msgspec.msgpack.decode(content, type=Kept).kernel == kernel:
        folder.write(name, content)
    return kernel, code


def _read(content: bytes | None) -> tuple[Kernel, Code] | None:
    if content is None:
        return None
    try:
        kept = msgspec.msgpack.decode(content, type=Kept)
        return kept.kernel, Code.deserialize(kept.code)
    except (msgspec.DecodeError, NativeError):
        return None


def usual_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> PrivateFolder | None:
    """The folder that this user's environment names, or None where the cache is turned off.

    >>> usual_folder({"HOME": "/home/ada"}, "linux").path.as_posix()
    '/home/ada/.cache/ringproof/kernels'
    >>> usual_folder({"RINGPROOF_CACHE": "off"}) is None
    True
    """
    chosen = environment.get(VARIABLE)
    if chosen == OFF:
        return None
    home, shared = environment.get("HOME"), environment.get("XDG_CACHE_HOME", "")
    if chosen:
        base = Path(chosen)
    elif Path(shared).is_absolute():
        base = Path(shared, "ringproof")
    elif not home:
        return None
    else:
        base = Path(home, *(("Library", "Caches") if platform == "darwin" else (".cache",)), "ringproof")
    return PrivateFolder(base / "kernels")
