"""`veravox doctor`: whether this installation can do its work, check by check."""

import asyncio
import io
import tempfile
import wave
from collections.abc import Callable

import av
import onnxruntime
import typer
from sqlalchemy.exc import SQLAlchemyError

from veravox.accounts import Quota
from veravox.audio.activity import SpeechActivity
from veravox.audio.decode import DecoderPool
from veravox.cli.console import out, settings
from veravox.db import Database, database_url, upgrade
from veravox.detection.models import ModelRegistry
from veravox.errors import VeravoxError
from veravox.settings import InvalidSettings, Settings
from veravox.storage import open_storage

EXPECTED_PROBLEMS = (VeravoxError, InvalidSettings, SQLAlchemyError, OSError, ValueError)


def doctor() -> None:
    """Check settings, decoder, models, database and rate-limit store. Exit code 1 on a problem."""
    config = settings()
    checks: dict[str, Callable[[Settings], str]] = {
        "decoder": _decoder,
        "speech activity": _speech_activity,
        "models": _models,
        "data folder": _data_folder,
        "database": _database,
        "storage": _storage,
        "rate limits": _rate_limits,
    }
    healthy = True
    for name, check in checks.items():
        try:
            finding = check(config)
        except EXPECTED_PROBLEMS as problem:
            healthy = False
            out.print(f"[bold red]problem[/] {name}: {problem}")
        else:
            out.print(f"[green]ok[/]      {name}: {finding}")
    raise typer.Exit(0 if healthy else 1)


def _decoder(_: Settings) -> str:
    second = io.BytesIO()
    with wave.open(second, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(32_000))
    with DecoderPool(1) as pool, pool.open(second) as media:
        samples = sum(block.size for block in media)
    return f"PyAV {av.__version__} decodes ({samples} samples of a second of silence)"


def _speech_activity(_: Settings) -> str:
    SpeechActivity()
    return f"loaded by ONNX Runtime {onnxruntime.__version__}"


def _models(config: Settings) -> str:
    registry = ModelRegistry(config.models_dir, config.calibration_file)
    for card in registry.cards():
        registry.resolve(card.id)
    return ", ".join(card.id for card in registry.cards())


def _data_folder(config: Settings) -> str:
    config.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=config.data_dir):
        return f"{config.data_dir.absolute()} can be written"


def _database(config: Settings) -> str:
    url = database_url(config)
    upgrade(url)

    async def ask() -> None:
        database = Database(url)
        try:
            await database.check()
        finally:
            await database.close()

    asyncio.run(ask())
    return f"{url.get_backend_name()} answers and is up to date"


def _storage(config: Settings) -> str:
    asyncio.run(open_storage(config).check())
    return config.storage_url or "a folder of this machine"


def _rate_limits(config: Settings) -> str:
    if config.redis_url is None:
        return "counted in each worker's memory"
    Quota.from_url(config.redis_url.get_secret_value())
    return "counted in Redis"
