"""Any supported media file to canonical audio, decoded in limited child processes.

A `DecoderPool` keeps a few warm processes (`veravox.audio.decoder_process`), hands each file's
descriptor to one of them and reads canonical blocks back; a process that crashes, overruns its
limits or is abandoned half-way is killed and replaced. A file that has no descriptor, such as an
object in S3, is read here, part by part as the process asks for it. Back-pressure is the socket's:
a slow reader stops the decoder, so memory does not grow with duration.
"""

import json
import logging
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from io import UnsupportedOperation
from queue import Empty, LifoQueue
from tempfile import TemporaryFile
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from pydantic import TypeAdapter

from veravox.audio.canonical import Samples
from veravox.audio.decoder_protocol import (
    HEADER,
    LARGEST_PAYLOAD,
    LARGEST_READ,
    PROGRESS,
    READ,
    REPORTABLE_ERRORS,
    REQUEST_END,
    DecodeLimits,
    Message,
)
from veravox.audio.recording import MediaInfo
from veravox.audio.sniff import HEAD_BYTES, id3_size, sniff, sniff_tagged
from veravox.errors import MediaTooLarge, MissingFile, Unavailable, UndecodableAudio

__all__ = ["DecodeLimits", "DecodedMedia", "DecoderPool"]

START_SECONDS = 60.0
"""How long a new process may take to import its libraries."""

_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_MEDIA_INFO = TypeAdapter(MediaInfo)
_log = logging.getLogger(__name__)


class DecodedMedia:
    """One file while it is being decoded. Belongs to one thread; iterate it once.

    Iterating gives canonical float32 blocks, shape (n,) at 16 kHz, and raises UndecodableAudio or
    MediaTooLarge when the rest cannot be had. `progress` is the share of the file, 0..1, that had
    been read for the latest block.
    """

    def __init__(self, process: "_DecoderProcess", info: MediaInfo, patience: "_Patience") -> None:
        """Made by `DecoderPool.open`."""
        self.info = info
        self._process = process
        self._patience = patience
        self._clipping_ratio: float | None = None
        self.progress = 0.0

    def __iter__(self) -> Iterator[Samples]:
        """The blocks in order; the end of the audio is the end of the iterator."""
        while (block := self._next_block()) is not None:
            yield block

    @property
    def clipping_ratio(self) -> float:
        """Share of decoded samples in flat tops at full scale, 0..1; known after the last block."""
        if self._clipping_ratio is None:
            raise RuntimeError("the media has not been decoded to its end")
        return self._clipping_ratio

    def _next_block(self) -> Samples | None:
        if self._clipping_ratio is not None:
            return None
        kind, payload = self._process.receive(self._patience)
        try:
            while kind is Message.PROGRESS:
                self.progress = float(PROGRESS.unpack(payload)[0])
                kind, payload = self._process.receive(self._patience)
            if kind is Message.BLOCK:
                return np.frombuffer(payload, np.float32)
            self._clipping_ratio = float(json.loads(payload)["clipping_ratio"])
        except (ValueError, KeyError, TypeError, struct.error) as error:
            raise self._process.out_of_step() from error
        return None


class DecoderPool:
    """Decoder processes shared by threads. `size` files are decoded at once, others wait."""

    def __init__(self, size: int, limits: DecodeLimits | None = None) -> None:
        """Processes start when first needed, or with `warm`. `size` at least 1."""
        if size < 1:
            raise ValueError("a pool needs at least one process")
        self._size = size
        self._limits = limits or DecodeLimits()
        self._closed = False
        self._slots: LifoQueue[_DecoderProcess | None] = LifoQueue()
        for _ in range(size):
            self._slots.put(None)

    def __enter__(self) -> Self:
        """The pool itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the pool."""
        self.close()

    def warm(self) -> None:
        """Starts every idle process and waits until they are ready. Raises Unavailable."""
        slots = self._take_idle()
        try:
            slots = [slot or _start() for slot in slots]
            for process in slots:
                process.wait_until_ready()
        finally:
            for slot in slots:
                self._slots.put(slot)

    @contextmanager
    def open(self, media: BinaryIO, channel: int | None = None) -> Generator[DecodedMedia]:
        """Decodes `media` from its first byte; its position and contents stay as they are.

        `channel` counts from 0, None for the mean of all. A file that cannot seek is copied to disk
        first; what reading `media` raises is passed on. Raises MissingFile (no bytes),
        UnsupportedFormat, NoAudioStream, UndecodableAudio, MediaTooLarge, and Unavailable when
        the pool is closed or no process can be started.
        """
        with _source(media) as source:
            request = {
                "container": _sniffed(source),
                "channel": channel,
                "size": source.size,
                "limits": asdict(self._limits),
            }
            with self._process() as process:
                patience = _Patience(self._limits.wall_seconds)
                info = process.begin(source, request, patience)
                yield DecodedMedia(process, info, patience)

    def close(self) -> None:
        """Ends the idle processes now and the others when their file is done."""
        self._closed = True
        for slot in self._take_idle():
            if slot is not None:
                slot.kill()
            self._slots.put(None)

    @contextmanager
    def _process(self) -> Generator["_DecoderProcess"]:
        """A ready process, which goes back to the pool or is replaced."""
        slot = self._slots.get()
        try:
            if self._closed:
                raise Unavailable("The service is shutting down")
            if slot is None or not slot.alive:
                if slot is not None:
                    slot.kill()
                slot = _start()
            slot.wait_until_ready()
            yield slot
        finally:
            self._slots.put(self._kept_or_replaced(slot))

    def _kept_or_replaced(self, process: "_DecoderProcess | None") -> "_DecoderProcess | None":
        if process is None or (process.idle and not self._closed):
            return process
        process.kill()
        if self._closed:
            return None
        try:
            return _start()
        except Unavailable:
            _log.exception("a decoder process could not be replaced; the next file tries again")
            return None

    def _take_idle(self) -> list["_DecoderProcess | None"]:
        taken: list[_DecoderProcess | None] = []
        while len(taken) < self._size:
            try:
                taken.append(self._slots.get_nowait())
            except Empty:
                break
        return taken


class _Patience:
    """Seconds that may still be spent waiting for a decoder process."""

    def __init__(self, seconds: float) -> None:
        self.limit = seconds
        self.left = seconds

    @contextmanager
    def spent(self) -> Generator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.left -= time.monotonic() - started


class _DecoderProcess:
    """One child process and the server's end of its socket."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-m", "veravox.audio.decoder_process", str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._ready = False
        self._source: _Source | None = None
        self.idle = True

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    def wait_until_ready(self) -> None:
        """Raises Unavailable if the process does not come up."""
        if self._ready:
            return
        self.idle = False
        try:
            kind, _ = self.receive(_Patience(START_SECONDS))
        except (UndecodableAudio, MediaTooLarge) as error:
            raise Unavailable("The audio decoder could not be started") from error
        if kind is not Message.READY:
            raise self.out_of_step()
        self._ready = self.idle = True

    def begin(
        self, source: "_Source", request: Mapping[str, object], patience: _Patience
    ) -> MediaInfo:
        """Hands over a file and returns what its first decoded audio is."""
        self.idle = False
        self._source = source
        try:
            self._socket.settimeout(max(patience.left, 0.001))
            message = [json.dumps(request).encode(), REQUEST_END]
            socket.send_fds(self._socket, message, source.descriptors)
        except OSError as error:
            raise self._ended() from error
        kind, payload = self.receive(patience)
        try:
            if kind is Message.INFO:
                return _MEDIA_INFO.validate_json(payload)
        except ValueError as error:
            raise self.out_of_step() from error
        raise self.out_of_step()

    def receive(self, patience: _Patience) -> tuple[Message, bytes]:
        """The next message; raises the error that the process reports or dies with.

        A process that met its limits is not used again: it may have kept what it needed.
        """
        kind, payload = self._message(patience)
        while kind == Message.READ:
            self._supply(payload, patience)
            kind, payload = self._message(patience)
        try:
            message = Message(kind)
            report = json.loads(payload) if message is Message.ERROR else None
            error = REPORTABLE_ERRORS[report["error"]](report["message"]) if report else None
        except (ValueError, KeyError, TypeError) as reason:
            raise self.out_of_step() from reason
        unspoilt = message is Message.ERROR and not isinstance(error, MediaTooLarge)
        self.idle = message is Message.DONE or unspoilt
        if error:
            raise error
        return message, payload

    def _message(self, patience: _Patience) -> tuple[int, bytes]:
        """The kind and the payload of what comes next."""
        with patience.spent():
            kind, size = HEADER.unpack(self._received(HEADER.size, patience))
            if size > LARGEST_PAYLOAD:
                raise self.out_of_step()
            return kind, self._received(size, patience)

    def _supply(self, request: bytes, patience: _Patience) -> None:
        """Sends a part of the file; the time that reading it takes is not the process's."""
        source = self._source
        if source is None or source.size is None or len(request) != READ.size:
            raise self.out_of_step()
        offset, size = READ.unpack(request)
        if size > LARGEST_READ or offset + size > source.size:
            raise self.out_of_step()
        part = source.read(offset, size)
        if len(part) != size:
            raise UndecodableAudio("The file became shorter while it was read")
        with patience.spent():
            self._socket.settimeout(max(patience.left, 0.001))
            try:
                self._socket.sendall(part)
            except OSError as error:
                raise self._ended() from error

    def _received(self, size: int, patience: _Patience) -> bytes:
        """The next `size` bytes; raises when the process has ended or takes too long."""
        deadline = time.monotonic() + patience.left
        data = bytearray()
        while len(data) < size:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                part = self._socket.recv(size - len(data))
            except TimeoutError as error:
                raise MediaTooLarge(
                    f"Decoding the audio takes longer than {patience.limit:g} seconds"
                ) from error
            except ConnectionError:
                part = b""
            if not part:
                raise self._ended()
            data += part
        return bytes(data)

    def out_of_step(self) -> UndecodableAudio:
        """The error for a process that says what it should not; it will not be used again."""
        self.idle = False
        _log.error("a decoder process broke the protocol")
        return UndecodableAudio("The audio could not be decoded")

    def _ended(self) -> UndecodableAudio | MediaTooLarge:
        """The error for a process that is gone."""
        self.kill()
        status = self._child.returncode
        _log.warning("a decoder process ended with status %s", status)
        if status == -signal.SIGXCPU:
            return MediaTooLarge("Decoding the audio takes too much processor time")
        return UndecodableAudio("The audio could not be decoded")

    def kill(self) -> None:
        """Ends the process if it has not ended by itself, and frees what it held."""
        self.idle = False
        self._child.kill()
        self._child.wait()
        self._socket.close()
        if self._child.stdin:
            self._child.stdin.close()


def _start() -> _DecoderProcess:
    """A new process, still importing. Raises Unavailable when the system allows no more."""
    try:
        return _DecoderProcess()
    except OSError as error:
        raise Unavailable("The audio decoder could not be started") from error


class _Source:
    """A file to decode: by its descriptor, or by reading it part by part."""

    def __init__(self, media: BinaryIO, descriptor: int | None) -> None:
        self._media = media
        self._descriptor = descriptor
        self.size = None if descriptor is not None else media.seek(0, os.SEEK_END)

    @property
    def descriptors(self) -> list[int]:
        """What the process gets to read by itself."""
        return [] if self._descriptor is None else [self._descriptor]

    def read(self, offset: int, size: int) -> bytes:
        """The part of the file at `offset`, shorter than `size` only at its end."""
        if self._descriptor is not None:
            return os.pread(self._descriptor, size, offset)
        self._media.seek(offset)
        return self._media.read(size)


@contextmanager
def _source(media: BinaryIO) -> Generator[_Source]:
    """`media`, whose position is the same afterwards, or a copy where it cannot seek."""
    descriptor = _descriptor(media)
    if descriptor is not None:
        yield _Source(media, descriptor)
        return
    if not media.seekable():
        with TemporaryFile() as copy:
            shutil.copyfileobj(media, copy)
            copy.flush()
            yield _Source(media, copy.fileno())
        return
    position = media.tell()
    try:
        yield _Source(media, None)
    finally:
        media.seek(position)


def _descriptor(media: BinaryIO) -> int | None:
    """The descriptor of `media` if it is a regular file, with nothing left in its buffer."""
    try:
        descriptor = media.fileno()
    except (AttributeError, UnsupportedOperation):
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return None
    if media.writable():
        media.flush()
    return descriptor


def _sniffed(source: _Source) -> str:
    """The format of a file. Raises MissingFile or UnsupportedFormat."""
    head = source.read(0, HEAD_BYTES)
    if not head:
        raise MissingFile("The file is empty")
    tag = id3_size(head)
    return sniff_tagged(source.read(tag, HEAD_BYTES)) if tag else sniff(head)
