"""Files that only this user may write and that prove to be written by this program.

What is kept here may be machine code, so nothing is taken on trust. The folder belongs to this user and nobody else
may write to it; the same holds of each file. Besides, a file begins with a keyed digest (BLAKE2b) of its name and
content, whose key is 32 random bytes in a file that only this user may read. A file that fails any of this is as if
it were not there. So is everything where the system knows no owners of files, where the folder cannot be made, or
where the disk is full: what is kept here can be made again, and that it could not be kept is no error.

Files appear whole or not at all, since each is written under a name of its own and renamed. The least recently used
are removed where all together exceed the limit.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path

SECRET = "key"
SECRET_BYTES = 32
DIGEST_BYTES = 32
TEMPORARY = "new-"
ABANDONED_AFTER = 3600.0
"""Seconds after which a file under a temporary name is taken for a killed process's."""

OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
OTHERS_MAY_READ_OR_WRITE = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class PrivateFolder:
    """The folder `path`, made at the first write, with files of at most `limit` bytes in all.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as parent:
    ...     folder = PrivateFolder(Path(parent) / "kernels")
    ...     folder.write("greeting", b"hello")
    ...     folder.read("greeting"), folder.read("other")
    (b'hello', None)
    """

    path: Path
    limit: int = 1 << 28

    def read(self, name: str) -> bytes | None:
        """The content of the file `name`, or None where there is none that is ours and undamaged."""
        try:
            with self._folder() as folder:
                secret = _read(folder, SECRET, SECRET_BYTES, OTHERS_MAY_READ_OR_WRITE)
                whole = _read(folder, name, self.limit, OTHERS_MAY_WRITE, used=True)
        except OSError:
            return None
        if secret is None or whole is None or len(secret) != SECRET_BYTES:
            return None
        digest, content = whole[:DIGEST_BYTES], whole[DIGEST_BYTES:]
        return content if compare_digest(digest, _digest(secret, name, content)) else None

    def write(self, name: str, content: bytes) -> None:
        """Keeps `content` as the file `name`, if it can be."""
        if DIGEST_BYTES + len(content) > self.limit:
            return
        try:
            if _has_owners():
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._folder() as folder:
                secret = _secret(folder)
                temporary = _write(folder, _digest(secret, name, content) + content)
                try:
                    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                except OSError:
                    # Something stands there that is no file, such as a folder.
                    _remove(folder, temporary)
                    raise
                self._remove_oldest(folder)
        except OSError:
            return

    @contextmanager
    def _folder(self) -> Iterator[int]:
        """The folder as a descriptor: what was examined is what is used. Raises OSError where others may write."""
        if not _has_owners():
            raise OSError(None, "files have no owners here")
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not _is_ours(os.fstat(folder), OTHERS_MAY_WRITE):
                raise OSError(None, f"others may write to {self.path}")
            yield folder
        finally:
            os.close(folder)

    def _remove_oldest(self, folder: int) -> None:
        now, total = time.time(), 0
        files: list[tuple[float, int, str]] = []
        for name in os.listdir(folder):
            try:
                about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if name.startswith(TEMPORARY):
                if now - about.st_mtime > ABANDONED_AFTER:
                    _remove(folder, name)
            elif name != SECRET:
                files.append((about.st_mtime, about.st_size, name))
                total += about.st_size
        for _, size, name in sorted(files):
            if total <= self.limit:
                return
            _remove(folder, name)
            total -= size


def _has_owners() -> bool:
    return hasattr(os, "geteuid") and os.open in os.supports_dir_fd and os.listdir in os.supports_fd


def _is_ours(about: os.stat_result, forbidden: int) -> bool:
    return about.st_uid == os.geteuid() and not about.st_mode & forbidden


def _digest(secret: bytes, name: str, content: bytes) -> bytes:
    """The keyed digest of a name, which has no zero byte, and a content."""
    digest = blake2b(name.encode() + b"\0", key=secret, digest_size=DIGEST_BYTES)
    digest.update(content)
    return digest.digest()


def _read(folder: int, name: str, limit: int, forbidden: int, *, used: bool = False) -> bytes | None:
    """The bytes of a regular file of ours that has not been given the `forbidden` permissions, else None."""
    # Without O_NONBLOCK, opening a pipe would wait for its writer.
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with open(file, "rb", buffering=0) as opened:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or not _is_ours(about, forbidden) or about.st_size > limit:
            return None
        content = opened.read(about.st_size)
        if used and os.utime in os.supports_fd:
            _note_use(file)
        return content


def _note_use(file: int) -> None:
    try:
        os.utime(file)
    except OSError:
        # A read-only disk: what is there can be used all the same.
        return


def _write(folder: int, content: bytes) -> str:
    """Writes a new file of a temporary name, which is returned. Raises OSError, leaving no file, where it cannot."""
    name = TEMPORARY + secrets.token_hex(8)
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with open(file, "wb") as opened:
            opened.write(content)
    except BaseException:
        _remove(folder, name)
        raise
    return name


def _remove(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        # Another process was quicker.
        return


def _secret(folder: int) -> bytes:
    """The key, made where there is none. Raises OSError where it cannot be."""
    try:
        found = _read(folder, SECRET, SECRET_BYTES, OTHERS_MAY_READ_OR_WRITE)
    except FileNotFoundError:
        found = None
    else:
        if found is None or len(found) != SECRET_BYTES:
            # Not a key that anyone can have used well: what it was used for is lost with it.
            os.unlink(SECRET, dir_fd=folder)
            found = None
    if found is not None:
        return found
    made = secrets.token_bytes(SECRET_BYTES)
    temporary = _write(folder, made)
    try:
        # Unlike a rename, a link leaves the key of another process that was quicker.
        os.link(temporary, SECRET, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        other = _read(folder, SECRET, SECRET_BYTES, OTHERS_MAY_READ_OR_WRITE)
        if other is None or len(other) != SECRET_BYTES:
            raise
        return other
    finally:
        _remove(folder, temporary)
    return made
