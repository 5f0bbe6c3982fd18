"""The gRPC server: both of Aurigin's services on a port of their own."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import grpc
import structlog

from veravox.settings import MEBIBYTE, InvalidSettings, Settings
from veravox.streaming import audio_verification, deepfake_detection
from veravox.streaming.desk import Desk

LARGEST_MESSAGE = audio_verification.LARGEST_INLINE + MEBIBYTE
KEEPALIVE_MILLISECONDS = 30_000
MORE_CALLS = 100
"""Calls of one connection beyond the most streams: they are answered, if only with a refusal."""

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def serving_grpc(
    settings: Settings, desk: Desk, begin_draining: Callable[[], None]
) -> AsyncGenerator[None]:
    """Serves at `desk` while the block runs; then running calls have time to end.

    Raises InvalidSettings when the port cannot be used.
    """
    server = grpc.aio.server(options=_options(settings))
    server.add_generic_rpc_handlers(
        (deepfake_detection.handlers(desk), audio_verification.handlers(desk))
    )
    address = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        server.add_insecure_port(f"{address}:{settings.grpc_port}")
    except RuntimeError as error:
        raise InvalidSettings(f"grpc_port: cannot listen on {settings.grpc_port}") from error
    await server.start()
    _log.info("serving gRPC", port=settings.grpc_port)
    try:
        yield
    finally:
        begin_draining()
        await server.stop(settings.shutdown_seconds)


def _options(settings: Settings) -> list[tuple[str, int]]:
    """Workers share the port; one worker alone must not share it with a stranger."""
    return [
        ("grpc.max_receive_message_length", LARGEST_MESSAGE),
        ("grpc.so_reuseport", int(settings.workers > 1)),
        ("grpc.keepalive_time_ms", KEEPALIVE_MILLISECONDS),
        ("grpc.max_concurrent_streams", settings.stream_limit + MORE_CALLS),
    ]
