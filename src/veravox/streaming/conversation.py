"""The course of a stream, the same in every protocol.

The caller opens a session, sends audio and says that it is done; the server answers with the
session, with every window and at last with one final result. A stream that falls silent, or that
the server must end, gets its final result too, and then the reason.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from veravox.audio.frames import AudioFrame
from veravox.errors import InvalidRequest, VeravoxError
from veravox.stream_analysis import StreamOptions, StreamWindow
from veravox.streams import Caller, Conclusion, KeptAs, LiveStream, StreamService

Incoming = TypeVar("Incoming")
Outgoing = TypeVar("Outgoing")
IncomingMessage = TypeVar("IncomingMessage", covariant=True)
OutgoingMessage = TypeVar("OutgoingMessage", contravariant=True)
ReadMessage = TypeVar("ReadMessage", contravariant=True)
WrittenMessage = TypeVar("WrittenMessage", covariant=True)


class Line(Protocol[IncomingMessage, OutgoingMessage]):
    """A connection to a caller."""

    async def receive(self) -> IncomingMessage | None:
        """The next message; None when the caller is done."""
        ...

    async def send(self, message: OutgoingMessage) -> None:
        """Give a message to the caller; waits while the caller reads none."""
        ...


class StreamDialect(Protocol[ReadMessage, WrittenMessage]):
    """How a protocol spells the course of a stream. Reading raises InvalidRequest."""

    def options(self, first: ReadMessage) -> StreamOptions:
        """What the message that opens the session asks for."""
        ...

    def frame(self, message: ReadMessage) -> AudioFrame | None:
        """The audio in a later message, None when it holds nothing to hear."""
        ...

    def opened(self, stream: LiveStream) -> Sequence[WrittenMessage]:
        """What is told of the new session."""
        ...

    def heard(self, stream: LiveStream, window: StreamWindow) -> Sequence[WrittenMessage]:
        """What is told of a window."""
        ...

    def concluded(self, stream: LiveStream, conclusion: Conclusion) -> Sequence[WrittenMessage]:
        """What is told at the end, the final result last."""
        ...


async def converse(
    line: Line[Incoming, Outgoing],
    dialect: StreamDialect[Incoming, Outgoing],
    streams: StreamService,
    caller: Caller,
    protocol: str,
    kept_as: KeptAs | None = None,
) -> None:
    """Hold a whole conversation with `caller`, kept as is told or under a new id.

    Raises InvalidRequest, UndecodableAudio, UnknownModel and Unavailable; after the final result
    StreamIdle, StreamTooLong, or Unavailable when the server ended the stream.
    """
    first = await streams.patiently(line.receive())
    if first is None:
        raise InvalidRequest("The first message must open a session")
    async with streams.open(caller, protocol, dialect.options(first), kept_as) as stream:
        for answer in dialect.opened(stream):
            await stream.say(line.send(answer))
        cause = await _listen(line, dialect, stream)
        conclusion = await stream.finish()
        ending = [
            message
            for window in conclusion.stream.windows
            for message in dialect.heard(stream, window)
        ]
        ending += dialect.concluded(stream, conclusion)
        await _say(line, stream, ending)
        if cause is not None:
            raise cause


async def _listen(
    line: Line[Incoming, Outgoing],
    dialect: StreamDialect[Incoming, Outgoing],
    stream: LiveStream,
) -> VeravoxError | None:
    """Hears the caller out; why the stream was ended before that, if it was."""
    while True:
        try:
            message = await stream.patiently(line.receive())
        except VeravoxError as error:
            if error is stream.cause:
                return error
            raise
        if message is None:
            return None
        frame = dialect.frame(message)
        if frame is None:
            continue
        for window in await stream.push(frame):
            for answer in dialect.heard(stream, window):
                await stream.say(line.send(answer))


async def _say(
    line: Line[Incoming, Outgoing], stream: LiveStream, messages: Iterable[Outgoing]
) -> None:
    """The last words, also on a stream that was cut."""
    for message in messages:
        await stream.say(line.send(message))
