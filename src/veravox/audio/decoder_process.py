"""The process that touches hostile media: `python -m veravox.audio.decoder_process SOCKET`.

It is started by `veravox.audio.decode` with an empty environment and serves one file after
another. Its standard input is a pipe that nobody writes to: when the server ends, however it
ends, the kernel signals the hang-up and this process dies, even inside a native decoding loop.
"""

import fcntl
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from io import RawIOBase, UnsupportedOperation
from pathlib import Path
from typing import BinaryIO, cast

from veravox.audio.canonical import CanonicalFeed, Samples
from veravox.audio.clipping import ClippingMeter
from veravox.audio.decoder_protocol import (
    BLOCK_SAMPLES,
    HEADER,
    LARGEST_READ,
    PROGRESS,
    READ,
    REPORTABLE_ERRORS,
    REQUEST_END,
    DecodeLimits,
    Message,
)
from veravox.audio.reader import PcmBlock, read_media
from veravox.errors import MediaError, MediaTooLarge

_OPEN_FILES = 16
_UNLIMITED = resource.getrlimit(resource.RLIMIT_AS)
_REQUEST_BYTES = 4096


def main() -> None:
    """Serves requests on the socket whose descriptor is the first argument, until it closes."""
    _die_with_the_server()
    _confine()
    address_space = _address_space()
    with socket.socket(fileno=int(sys.argv[1])) as server:
        _send(server, Message.READY)
        while True:
            body, descriptors, _, _ = socket.recv_fds(server, _REQUEST_BYTES, 1)
            while body and not body.endswith(REQUEST_END):
                body += server.recv(_REQUEST_BYTES)
            if not body:
                return
            request = json.loads(body)
            limits = DecodeLimits(**request["limits"])
            _limit_job(limits, address_space)
            size: int | None = request["size"]
            source = (
                _PositionedFile(descriptors[0], os.fstat(descriptors[0]).st_size)
                if size is None
                else _RequestedFile(server, size)
            )
            with closing(source) as file:
                job = _Job(request["container"], request["channel"], limits)
                _serve(server, cast(BinaryIO, file), job)


@dataclass(frozen=True, slots=True)
class _Job:
    """What to decode; `channel` is the one to keep, None for the mean of all."""

    container: str
    channel: int | None
    limits: DecodeLimits


def _serve(server: socket.socket, file: BinaryIO, job: _Job) -> None:
    """Answers one request. Where memory ran out, its limit is lifted to report just that."""
    failure: tuple[str, str] | None = None
    clipping = ClippingMeter()
    try:
        _decode(server, file, job, clipping)
    except MediaError as error:
        name = type(error).__name__
        if name not in REPORTABLE_ERRORS:
            raise
        failure = name, error.message
    except MemoryError:
        resource.setrlimit(resource.RLIMIT_AS, _UNLIMITED)
        failure = MediaTooLarge.__name__, "Decoding the audio needs too much memory"
    if failure:
        _send_json(server, Message.ERROR, dict(zip(("error", "message"), failure, strict=True)))
    else:
        _send_json(server, Message.DONE, {"clipping_ratio": clipping.ratio()})


def _decode(server: socket.socket, file: BinaryIO, job: _Job, clipping: ClippingMeter) -> None:
    blocks = _announced(server, job.container, read_media(file, job.container, job.limits))
    followed = _followed(server, file, _only(job.channel, blocks))
    for block in _canonical(_measured(followed, clipping)):
        for first in range(0, block.size, BLOCK_SAMPLES):
            _send(server, Message.BLOCK, block[first : first + BLOCK_SAMPLES].tobytes())


def _announced(
    server: socket.socket, container: str, blocks: Iterator[PcmBlock]
) -> Iterator[PcmBlock]:
    """`blocks`, with INFO sent for the first one: headers may lie, decoded audio cannot."""
    for index, block in enumerate(blocks):
        if index == 0:
            info = {
                "container": container,
                "codec": block.codec,
                "sample_rate": block.sample_rate,
                "channels": block.samples.shape[0],
                "facts": asdict(block.facts),
            }
            _send_json(server, Message.INFO, info)
        yield block


def _only(channel: int | None, blocks: Iterator[PcmBlock]) -> Iterator[PcmBlock]:
    """`blocks` with one channel left; the last one where there are fewer."""
    if channel is None:
        return blocks
    return (
        replace(block, samples=block.samples[[min(channel, block.samples.shape[0] - 1)]])
        for block in blocks
    )


def _followed(
    server: socket.socket, file: BinaryIO, blocks: Iterable[PcmBlock]
) -> Iterator[PcmBlock]:
    """`blocks`, with PROGRESS sent before each."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    for block in blocks:
        _send(server, Message.PROGRESS, PROGRESS.pack(min(1.0, file.tell() / max(size, 1))))
        yield block


def _measured(blocks: Iterable[PcmBlock], clipping: ClippingMeter) -> Iterator[PcmBlock]:
    for block in blocks:
        clipping.push(block.samples, block.full_scale)
        yield block


def _canonical(blocks: Iterable[PcmBlock]) -> Iterator[Samples]:
    feed = CanonicalFeed()
    for block in blocks:
        yield feed.push(block.samples, block.sample_rate)
    yield feed.finish()


def _send_json(server: socket.socket, kind: Message, content: Mapping[str, object]) -> None:
    _send(server, kind, json.dumps(content).encode())


def _send(server: socket.socket, kind: Message, payload: bytes = b"") -> None:
    server.sendall(HEADER.pack(kind, len(payload)) + payload)


def _die_with_the_server() -> None:
    """At once on Linux; elsewhere when the processor limit or the closed socket is met."""
    if sys.platform != "linux":
        return
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(sys.stdin.fileno(), fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(sys.stdin.fileno(), fcntl.F_GETFL)
    fcntl.fcntl(sys.stdin.fileno(), fcntl.F_SETFL, flags | os.O_ASYNC)


def _confine() -> None:
    """For good: no output, core dumps or writing to files, no processes or threads.

    Standard error stays the server's until here, so that a failing import can be read there.
    """
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def _limit_job(limits: DecodeLimits, address_space: int | None) -> None:
    """Soft limits for the next file, on top of what this process has used so far."""
    if address_space is not None:
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (address_space + limits.memory_bytes, most))
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + limits.cpu_seconds
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, most))


def _address_space() -> int | None:
    """Bytes of address space in use (the first field of /proc/self/statm, in pages).

    None on macOS, whose kernel does not enforce a limit on it.
    """
    if sys.platform != "linux":
        return None
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


class _SizedFile(RawIOBase):
    """A read-only file of a known size with a position of its own."""

    def __init__(self, size: int) -> None:
        self._position = 0
        self._size = size

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Moves the position and returns it."""
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
        if whence not in bases or bases[whence] + offset < 0:
            raise UnsupportedOperation("seek outside the file")
        self._position = bases[whence] + offset
        return self._position

    def tell(self) -> int:
        """The position in bytes from the start."""
        return self._position


class _PositionedFile(_SizedFile):
    """A file whose descriptor the server shares, but not its position."""

    def __init__(self, descriptor: int, size: int) -> None:
        super().__init__(size)
        self._descriptor = descriptor

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, all the rest for -1."""
        wanted = self._size - self._position if size < 0 else size
        data = os.pread(self._descriptor, max(wanted, 0), self._position)
        self._position += len(data)
        return data

    def close(self) -> None:
        """Closes the descriptor; more than once does nothing."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()


class _RequestedFile(_SizedFile):
    """A file whose parts the server sends when asked."""

    def __init__(self, server: socket.socket, size: int) -> None:
        super().__init__(size)
        self._server = server

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, fewer where the protocol allows no more at once."""
        left = max(self._size - self._position, 0)
        wanted = min(left if size < 0 else size, left, LARGEST_READ)
        if not wanted:
            return b""
        _send(self._server, Message.READ, READ.pack(self._position, wanted))
        data = bytearray()
        while len(data) < wanted:
            part = self._server.recv(wanted - len(data))
            if not part:
                os._exit(0)
            data += part
        self._position += wanted
        return bytes(data)


if __name__ == "__main__":
    main()
