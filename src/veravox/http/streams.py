"""The streams of a running server: gRPC beside HTTP, and their end at a shutdown."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from veravox.http.draining import Draining
from veravox.settings import InvalidSettings, Settings
from veravox.streaming.desk import Desk

LAST_SECONDS = 3.0
"""What is left of the time for a shutdown when open streams are concluded."""


@asynccontextmanager
async def serving_streams(
    settings: Settings, desk: Desk, draining: Draining
) -> AsyncGenerator[None]:
    """Serves gRPC, if a port is set, and ends streams at a shutdown while the block runs.

    Raises InvalidSettings when the port cannot be used or the extra ``grpc`` is not installed.
    """
    grace = max(0.0, settings.shutdown_seconds - LAST_SECONDS)
    ending = asyncio.create_task(desk.streams.end_all_when(lambda: bool(draining), grace))
    try:
        async with AsyncExitStack() as stack:
            if settings.grpc_port is not None:
                await stack.enter_async_context(_grpc(settings, desk, draining))
            yield
    finally:
        ending.cancel()


@asynccontextmanager
async def _grpc(settings: Settings, desk: Desk, draining: Draining) -> AsyncGenerator[None]:
    try:
        from veravox.streaming.grpc_server import serving_grpc
    except ModuleNotFoundError as error:
        raise InvalidSettings("grpc_port needs: pip install veravox[grpc]") from error
    async with serving_grpc(settings, desk, draining.begin):
        yield
