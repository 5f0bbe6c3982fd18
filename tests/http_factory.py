"""Real servers for tests: uvicorn on a free port, with a tiny model and a database of their own."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from tests.model_factory import write_model
from tests.speaker_factory import ENCODER_ID, write_encoder
from veravox.accounts import AccountService, CreatedKey, Plan
from veravox.db import Database, database_url, upgrade
from veravox.http.app import create_app
from veravox.http.services import Services
from veravox.security import KeyHasher, server_secret
from veravox.settings import Settings
from veravox.streaming.websocket_calls import LARGEST_MESSAGE, DrainingWebSockets

CLIENT_SECONDS = 60.0
START_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A running server, in a thread of this process."""

    settings: Settings
    port: int
    process: uvicorn.Server

    @property
    def services(self) -> Services:
        return self.process.config.app.state.services

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def key(self, plan: Plan = Plan.ENTERPRISE, **options: Any) -> str:
        """The text of a new key of a new tenant."""
        return create_key(self.settings, plan, **options).key

    def client(self, key: str | None = None, **headers: str) -> httpx.Client:
        """A client with this key, by default a new one without noticeable limits."""
        headers = {"X-Api-Key": self.key() if key is None else key} | headers
        return httpx.Client(base_url=self.url, headers=headers, timeout=CLIENT_SECONDS)

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=CLIENT_SECONDS)


def create_key(settings: Settings, plan: Plan, **options: Any) -> CreatedKey:
    async def create() -> CreatedKey:
        database = Database(database_url(settings))
        try:
            accounts = AccountService(database, KeyHasher(server_secret(settings)))
            return await accounts.create_key("test", plan, **options)
        finally:
            await database.close()

    return asyncio.run(create())


def settings_for(folder: Path, **changes: Any) -> Settings:
    """Settings of a migrated installation in `folder`, with the tiny model of the tests."""
    models = folder / "models"
    encoder = folder / "encoders" / ENCODER_ID
    if not models.exists():
        write_model(models)
        write_encoder(encoder.parent)
    chosen: dict[str, Any] = {
        "data_dir": folder,
        "models_dir": models,
        "voice_model_dir": encoder,
        "scoring_threads": 1,
    }
    settings = Settings(**(chosen | changes))
    upgrade(database_url(settings))
    return settings


@contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    """A server on a free port while the block runs; it ends politely."""
    config = uvicorn.Config(
        create_app(settings),
        port=0,
        ws=DrainingWebSockets,
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    process = uvicorn.Server(config)
    thread = threading.Thread(target=process.run)
    thread.start()
    try:
        yield Server(settings, _port_of(process, thread), process)
    finally:
        process.should_exit = True
        thread.join(START_SECONDS)


def upload(content: bytes, name: str = "recording.wav") -> dict[str, tuple[str, bytes]]:
    """The `files` of a request that uploads `content`."""
    return {"file": (name, content)}


def upload_head(key: str, path: str, length: int, *extra: str) -> bytes:
    """The headers of an upload that declares `length` bytes of multipart body."""
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: test",
        f"X-Api-Key: {key}",
        "Content-Type: multipart/form-data; boundary=b",
        f"Content-Length: {length}",
        *extra,
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def part_head(name: str = "recording.wav") -> bytes:
    """The beginning of a multipart body with a file in it."""
    return f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()


def _port_of(process: uvicorn.Server, thread: threading.Thread) -> int:
    deadline = time.monotonic() + START_SECONDS
    while not process.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    return process.servers[0].sockets[0].getsockname()[1]
