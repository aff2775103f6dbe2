"""Kept files are read back, and nothing else is: not what is damaged, moved, writable by others, or another key's."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringproof.traces.native.private_files import SECRET, PrivateFolder


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    folder = PrivateFolder(tmp_path / "kept")
    folder.write("one", b"first content")
    folder.write("two", b"second content")
    assert folder.read("one") == b"first content"
    return folder


def test_only_this_user_may_read_or_write(folder: PrivateFolder) -> None:
    assert os.stat(folder.path).st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.path.iterdir()} == {0o600}


def test_a_second_content_replaces_the_first(folder: PrivateFolder) -> None:
    folder.write("one", b"other")
    assert folder.read("one") == b"other"


@settings(max_examples=25)
@given(st.data())
def test_no_damaged_file_is_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = PrivateFolder(tmp_path_factory.getbasetemp() / "damaged")
    folder.write("one", b"content of some length")
    path = folder.path / "one"
    whole = path.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    damage = data.draw(st.sampled_from(["flip", "cut", "add"]))
    if damage == "flip":
        changed = (
            whole[:position] + bytes([whole[position] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[position + 1 :]
        )
    else:
        changed = whole[:position] if damage == "cut" else whole + whole[position:]
    path.write_bytes(changed)
    assert folder.read("one") is None
    folder.write("one", b"again")
    assert folder.read("one") == b"again"


def test_nothing_is_left_behind_where_a_folder_stands_in_the_way(folder: PrivateFolder) -> None:
    (folder.path / "three").mkdir()
    before = sorted(folder.path.iterdir())
    folder.write("three", b"content")
    assert sorted(folder.path.iterdir()) == before


def test_a_file_under_another_name_is_not_read(folder: PrivateFolder) -> None:
    os.rename(folder.path / "one", folder.path / "two")
    assert folder.read("two") is None


def test_a_file_of_another_folder_is_not_read(folder: PrivateFolder, tmp_path: Path) -> None:
    other = PrivateFolder(tmp_path / "other")
    other.write("one", b"first content")
    os.replace(other.path / "one", folder.path / "one")
    assert folder.read("one") is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_read(folder: PrivateFolder, mode: int) -> None:
    os.chmod(folder.path / "one", mode)
    assert folder.read("one") is None


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_is_neither_read_nor_written(folder: PrivateFolder, mode: int) -> None:
    os.chmod(folder.path, mode)
    folder.write("three", b"third content")
    assert folder.read("one") is None
    assert not (folder.path / "three").exists()


@pytest.mark.parametrize("spoil", [lambda key: os.chmod(key, 0o640), lambda key: key.write_bytes(b"short")])
def test_a_key_that_others_may_read_or_that_is_damaged_is_replaced(folder: PrivateFolder, spoil: object) -> None:
    key = folder.path / SECRET
    old = key.read_bytes()
    assert callable(spoil)
    spoil(key)
    assert folder.read("one") is None
    folder.write("one", b"again")
    assert folder.read("one") == b"again"
    assert folder.read("two") is None
    assert key.read_bytes() != old and key.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_or_folder_of_another_user_is_not_read(folder: PrivateFolder) -> None:
    os.chown(folder.path / "one", 65534, 65534)
    assert folder.read("one") is None and folder.read("two") is not None
    os.chown(folder.path, 65534, 65534)
    assert folder.read("two") is None


def test_neither_links_nor_pipes_are_read(folder: PrivateFolder) -> None:
    os.rename(folder.path / "one", folder.path / "elsewhere")
    os.symlink("elsewhere", folder.path / "one")
    assert folder.read("one") is None
    os.unlink(folder.path / "two")
    os.mkfifo(folder.path / "two", 0o600)
    assert folder.read("two") is None


def test_the_least_recently_used_are_removed_beyond_the_limit(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path / "kept", limit=400)
    for age, name in ((300, "a"), (200, "b"), (100, "c")):
        folder.write(name, bytes(80))
        os.utime(folder.path / name, (time.time() - age,) * 2)
    assert folder.read("a") is not None
    folder.write("d", bytes(80))
    assert [name for name in "abcd" if folder.read(name) is not None] == ["a", "c", "d"]
    folder.write("e", bytes(401))
    assert [name for name in "abcde" if folder.read(name) is not None] == ["a", "c", "d"]


def test_what_a_killed_process_left_is_removed_after_an_hour(folder: PrivateFolder) -> None:
    for name, age in (("new-old", 3700), ("new-young", 10)):
        (folder.path / name).write_bytes(b"half a file")
        os.utime(folder.path / name, (time.time() - age,) * 2)
    folder.write("three", b"")
    assert sorted(path.name for path in folder.path.iterdir()) == [SECRET, "new-young", "one", "three", "two"]


def test_a_folder_that_cannot_be_made_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder = PrivateFolder(tmp_path / "file" / "kept")
    folder.write("one", b"content")
    assert folder.read("one") is None


def test_writers_at_once_leave_whole_files(tmp_path: Path) -> None:
    """The key among them: what one has written, the others can read."""
    folder = PrivateFolder(tmp_path / "kept")
    contents = [bytes([n]) * 5000 for n in range(40)]
    seen: list[bytes | None] = []

    def work(content: bytes) -> None:
        folder.write("one", content)
        seen.append(folder.read("one"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, contents))
    assert set(seen) <= set(contents)
    assert sorted(path.name for path in folder.path.iterdir()) == [SECRET, "one"]
