"""Bounded reading and atomic writing, against the real file system."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphdoctor.errors import InputError
from graphdoctor.formats.readfile import atomic_write, read_model_bytes

as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")


def run(code: str, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ``code`` in a Python of its own, where signals and limits are its own too."""
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("size", [0, 1, 5000, (1 << 20) + 1])
def test_a_file_is_read_whole(tmp_path: Path, size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    (tmp_path / "m.pb").write_bytes(content)
    assert read_model_bytes(tmp_path / "m.pb") == content
    assert read_model_bytes(str(tmp_path / "m.pb")) == content


READ = "import sys; from graphdoctor.formats.readfile import *; print(len(read_model_bytes(sys.argv[1])))"


def test_standard_input_is_read_whole() -> None:
    for name in ("-", "/dev/stdin"):
        assert run(READ, name, stdin=b"x" * 200_000).stdout == b"200000\n"


def test_a_shell_pipe_is_read() -> None:
    command = f'{sys.executable} -c "{READ}" <(sleep 0.1; printf abc)'
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=True)
    assert done.stdout == b"3\n"


def test_closed_standard_input_is_an_error() -> None:
    command = f'{sys.executable} -c "{READ}" - <&-'
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60, check=False)
    assert b"standard input is closed" in done.stderr


def test_the_limit_holds_for_files_and_streams(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(b"x" * 100)
    assert len(read_model_bytes(path, limit=100)) == 100
    with pytest.raises(InputError, match="has 100 bytes over the 99 bytes"):
        read_model_bytes(path, limit=99)
    code = "from graphdoctor.formats.readfile import *; read_model_bytes('-', limit=99)"
    assert b"standard input: goes on over the 99 bytes" in run(code, stdin=b"x" * 100).stderr


def test_a_file_over_two_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    with path.open("wb") as f:
        f.truncate(1 << 31)
    with pytest.raises(InputError, match="has 2147483648 bytes over"):
        read_model_bytes(path)


def test_a_mistyped_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "mobilenet_v2.pb").touch()
    with pytest.raises(InputError, match="No such file") as e:
        read_model_bytes(tmp_path / "mobilenet_v2.bp")
    assert e.value.remedy == f"Did you mean {tmp_path / 'mobilenet_v2.pb'}?"
    with pytest.raises(InputError) as e:
        read_model_bytes(tmp_path / "something else")
    assert e.value.remedy == "Check the path"
    with pytest.raises(InputError) as e:
        read_model_bytes(tmp_path / "nets" / "m.pb")
    assert e.value.remedy == f"There is no folder {tmp_path / 'nets'}"


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "socket"))
    (tmp_path / "loop").symlink_to("loop")
    started = time.monotonic()
    for path, reason in (
        (tmp_path, "is a folder"),
        (tmp_path / "pipe", "is a named pipe or a device"),
        (Path("/dev/zero"), "is a named pipe or a device"),
        (tmp_path / "socket", "cannot be read"),
        (tmp_path / "loop", "symbolic links"),
        (tmp_path / ("n" * 300), "too long"),
        (Path("a\0b"), "null byte"),
    ):
        with pytest.raises(InputError, match=reason) as e:
            read_model_bytes(path)
        assert e.value.remedy
        assert e.value.where == str(path)
    bound.close()
    assert time.monotonic() - started < 60


@as_user
def test_a_file_without_permission_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.touch(mode=0)
    with pytest.raises(InputError, match="Permission denied"):
        read_model_bytes(path)
    with pytest.raises(InputError, match="write-protected"):
        atomic_write(path, b"new")


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_bytes_and_chunks_are_written(tmp_path: Path) -> None:
    path = tmp_path / "out.pb"
    atomic_write(path, b"first")
    assert path.read_bytes() == b"first"
    atomic_write(str(path), (b"sec", b"ond"))
    assert path.read_bytes() == b"second"
    assert names(tmp_path) == ["out.pb"]


def test_permissions_are_kept_given_or_from_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "out.pb"
    umask = os.umask(0o027)
    try:
        atomic_write(path, b"x")
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o604)
        atomic_write(path, b"y")
        assert path.stat().st_mode & 0o777 == 0o604
        atomic_write(path, b"z", mode=0o755)
        assert path.stat().st_mode & 0o777 == 0o755
    finally:
        os.umask(umask)


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.pb").write_bytes(b"old")
    (tmp_path / "link.pb").symlink_to("real.pb")
    atomic_write(tmp_path / "link.pb", b"new")
    assert (tmp_path / "link.pb").is_symlink()
    assert (tmp_path / "real.pb").read_bytes() == b"new"


@pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_a_failure_while_writing_leaves_everything_as_it_was(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "out.pb"
    path.write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"x" * 100_000
        assert len(names(tmp_path)) == 2
        raise failure

    with pytest.raises(failure):
        atomic_write(path, chunks())
    assert names(tmp_path) == ["out.pb"]
    assert path.read_bytes() == b"old"


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out.pb"
    path.write_bytes(b"old")
    code = (
        "import resource, sys; from graphdoctor.formats.readfile import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "atomic_write(sys.argv[1], b'x' * 5000)\n"
    )
    done = run(code, str(path))
    assert f"{path}: cannot be written: File too large. Check the folder's permissions".encode() in done.stderr
    assert b"InputError" in done.stderr
    assert names(tmp_path) == ["out.pb"]
    assert path.read_bytes() == b"old"


def test_ctrl_c_while_writing_leaves_everything_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out.pb"
    path.write_bytes(b"old")
    code = (
        "import sys, time; from graphdoctor.formats.readfile import *\n"
        "def chunks():\n    yield b'x' * 100000\n    print('ready', flush=True)\n    time.sleep(30)\n"
        "atomic_write(sys.argv[1], chunks())\n"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"ready\n"
    worker.send_signal(signal.SIGINT)
    assert worker.wait(30) != 0
    worker.stdout.close()
    assert names(tmp_path) == ["out.pb"]
    assert path.read_bytes() == b"old"


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (tmp_path / "folder", "is a folder"),
        (tmp_path / "pipe", "is a device or a pipe"),
        (Path("/dev/null"), "is a device or a pipe"),
        (tmp_path / "missing" / "out.pb", "No such file or directory. Make the folder"),
        (tmp_path / ("n" * 300), "too long"),
        (Path("a\0b"), "NUL character"),
    ):
        with pytest.raises(InputError, match=reason) as e:
            atomic_write(path, b"x")
        assert e.value.remedy
    assert names(tmp_path) == ["folder", "pipe"]
    assert Path("/dev/null").is_char_device()
