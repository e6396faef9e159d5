"""Bytes from disk and back: bounded reading, atomic writing."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from graphdoctor.errors import InputError
from graphdoctor.leftovers import hold, sweep, temporary_name

MAX_MODEL_BYTES = (1 << 31) - 1
"""The largest model read: protobuf, and so GraphDef, ONNX and UFF, end below 2 GiB."""

_CHUNK = 1 << 20


def read_model_bytes(path: str | Path, *, limit: int = MAX_MODEL_BYTES) -> bytes:
    """The whole content of the file ``path``, or of standard input for ``-``.

    Raises:
        InputError: it is missing, a folder, a device or a named pipe, cannot be read, or is over ``limit`` bytes.
    """
    if str(path) == "-":
        return _read_standard_input(limit)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as e:
        raise _unreadable(Path(path), e) from e
    try:
        return _read_open(fd, limit, Path(path))
    except OSError as e:
        raise _unreadable(Path(path), e) from e
    finally:
        os.close(fd)


def atomic_write(path: str | Path, data: bytes | Iterable[bytes | memoryview], *, mode: int | None = None) -> None:
    """Make ``data`` the content of ``path``: the whole of it, or on any failure nothing.

    The bytes go to a temporary file in the same folder, which then takes the name. A symbolic link stays one; of the
    names that hard links give a file, only this one changes. Temporary files of runs that were killed go.
    ``mode`` is the permissions of the file; by default it keeps those it has, and a new one gets what the umask
    leaves of 0o666.

    Raises:
        InputError: ``path`` is not a regular file or cannot be written; nothing has changed then.
    """
    if "\0" in str(path):
        raise InputError("a file name cannot hold a NUL character", where=repr(path), remedy="Give a file name")
    final = Path(path)
    try:
        final = Path(os.path.realpath(path))
        before = _status(Path(path))  # of /dev/stdout: the pipe itself has no path
        _check_replaceable(final, before)
        _replace(final, [data] if isinstance(data, bytes) else data, before, mode)
    except OSError as e:
        raise InputError(f"cannot be written: {e.strerror or e}", where=str(path), remedy=_write_remedy(final)) from e


def _read_open(fd: int, limit: int, path: Path) -> bytes:
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        raise InputError("is a folder", where=str(path), remedy="Give a model file, or the folder of a SavedModel")
    if stat.S_ISFIFO(status.st_mode) and _is_shell_pipe(path):
        os.set_blocking(fd, True)
        return _read_all(fd, 0, limit, str(path))
    if not stat.S_ISREG(status.st_mode):
        raise InputError(
            "is a named pipe or a device, not a file",
            where=str(path),
            remedy="Give a file, or - and the model on standard input",
        )
    if status.st_size > limit:
        raise _too_large(str(path), status.st_size, limit)
    return _read_all(fd, status.st_size, limit, str(path))


def _is_shell_pipe(path: Path) -> bool:
    """True for /dev/stdin and for the /dev/fd/63 that a shell gives for <(command): somebody writes to those."""
    return os.path.realpath(path.parent).startswith("/proc/") or str(path) == "/dev/stdin"


def _read_standard_input(limit: int) -> bytes:
    if sys.stdin is None:
        raise InputError("standard input is closed", remedy="Give a file, or pipe the model in")
    try:
        return _read_stream(sys.stdin.buffer, 0, limit, "standard input")
    except OSError as e:
        raise InputError(f"standard input cannot be read: {e.strerror}", remedy="Give a file") from e


def _read_all(fd: int, size: int, limit: int, where: str) -> bytes:
    with os.fdopen(fd, "rb", closefd=False) as stream:
        return _read_stream(stream, size, limit, where)


def _read_stream(stream: BinaryIO, size: int, limit: int, where: str) -> bytes:
    """Everything in ``stream``; ``size`` is how much is expected, so that it comes in one piece."""
    first = stream.read(size + 1) if size else b""
    if size and len(first) <= size:
        return first
    chunks, total = [first], len(first)
    while total <= limit and (chunk := stream.read(_CHUNK)):
        chunks.append(chunk)
        total += len(chunk)
    if total > limit:
        raise _too_large(where, None, limit)
    return b"".join(chunks)


def _too_large(where: str, size: int | None, limit: int) -> InputError:
    said = f"has {size} bytes" if size is not None else "goes on"
    return InputError(
        f"{said} over the {limit} bytes that a model can have",
        where=where,
        remedy="Protobuf, and so every model format read here, ends at 2 GiB; split the model",
    )


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    missing = isinstance(error, FileNotFoundError)
    return InputError(
        f"cannot be read: {reason}",
        where=str(path),
        remedy=_near_name(path) if missing else "Check the path and its permissions",
    )


def _near_name(path: Path) -> str:
    """Which file of the folder was perhaps meant."""
    import difflib

    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"There is no folder {path.parent}"
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {path.parent / near[0]}?" if near else "Check the path"


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _check_replaceable(path: Path, before: os.stat_result | None) -> None:
    if before is None:
        return
    if not stat.S_ISREG(before.st_mode):
        kind = "a folder" if stat.S_ISDIR(before.st_mode) else "a device or a pipe"
        raise InputError(f"is {kind}", where=str(path), remedy="Give the name of a file to write")
    if not os.access(path, os.W_OK):
        raise PermissionError(0, "the file is write-protected")


def _replace(
    final: Path, chunks: Iterable[bytes | memoryview], before: os.stat_result | None, mode: int | None
) -> None:
    sweep(str(final.parent))
    temporary = final.parent / f".{temporary_name()}"
    try:  # opened inside, since Ctrl-C may come right after
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with os.fdopen(fd, "wb") as f:
            hold(fd)
            f.writelines(chunks)
            f.flush()
            _set_permissions(fd, before, mode)
            os.fsync(fd)
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


def _set_permissions(fd: int, before: os.stat_result | None, mode: int | None) -> None:
    if before is not None and os.geteuid() == 0:
        os.fchown(fd, before.st_uid, before.st_gid)
    if mode is not None:
        os.fchmod(fd, mode)
    elif before is not None:
        os.fchmod(fd, stat.S_IMODE(before.st_mode))


def _write_remedy(path: Path) -> str:
    if not path.parent.is_dir():
        return f"Make the folder {path.parent} first"
    return "Check the folder's permissions and the space left on the disk"
