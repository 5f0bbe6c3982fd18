"""Structured logs that name no caller's secret, file or address parameters.

`configure_logs` once at start; `structlog.get_logger()` everywhere. The standard library's loggers
(uvicorn, alembic) end in the same place and pass the same redaction.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor

HIDDEN = "[hidden]"
_HIDDEN_FIELDS = frozenset(
    {
        "api_key",
        "audio",
        "authorization",
        "body",
        "cookie",
        "digest",
        "file_name",
        "filename",
        "key",
        "password",
        "presented",
        "presigned_url",
        "query",
        "query_string",
        "secret",
        "secret_key",
        "token",
        "x_api_key",
    }
)
_PATTERNS = (
    (re.compile(r"vvx_([a-z0-9]{8})_[A-Za-z0-9_-]+"), rf"vvx_\1_{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer)\s+[^\s\"']+"), rf"\1 {HIDDEN}"),
    (re.compile(r"(://)[^/\s@\"']+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(/[^\s?\"']*)\?[^\s\"']+"), rf"\1?{HIDDEN}"),
)
_NOISY_LOGGERS = ("uvicorn.access", "httpx", "httpcore", "procrastinate", "botocore")


def configure_logs(
    log_format: Literal["console", "json"], level: str, stream: TextIO | None = None
) -> None:
    """Send all logs of at least `level` to `stream` (default: standard error).

    `console` is for people, `json` one object a line. Uvicorn must be started with
    ``log_config=None``.
    """
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                _renderer(log_format, handler.stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Hide keys, names of files, and the parameters of addresses, wherever they stand."""
    return cast(EventDict, _redacted(event))


def _redacted(value: Any) -> Any:
    if isinstance(value, Mapping):
        fields = cast(Mapping[Any, Any], value)
        return {
            name: HIDDEN if _is_hidden(name) else _redacted(item) for name, item in fields.items()
        }
    if isinstance(value, bytes | bytearray | memoryview):
        return HIDDEN
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item) for item in cast(list[Any], value)]
    if isinstance(value, str):
        for pattern, replacement in _PATTERNS:
            value = pattern.sub(replacement, value)
    return value


def _is_hidden(field: object) -> bool:
    return str(field).lower().replace("-", "_") in _HIDDEN_FIELDS


def _renderer(log_format: Literal["console", "json"], stream: TextIO) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(default=str)
    return structlog.dev.ConsoleRenderer(colors=stream.isatty())
