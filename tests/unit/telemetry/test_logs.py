import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from veravox.accounts.keys import generate_key
from veravox.telemetry.logs import configure_logs


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def lines():
    stream = io.StringIO()
    configure_logs("json", "info", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_carries_time_level_and_the_request_id(lines) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("veravox.http").info("answered", status=200)
    (line,) = lines()
    assert line["event"] == "answered"
    assert (line["level"], line["request_id"], line["status"]) == ("info", "r-1", 200)
    assert line["timestamp"].endswith("Z")


def test_the_standard_library_logs_to_the_same_place_in_the_same_form(lines) -> None:
    logging.getLogger("uvicorn.error").warning("worker %d stopped", 3)
    (line,) = lines()
    assert (line["event"], line["level"]) == ("worker 3 stopped", "warning")


def test_lines_below_the_level_are_dropped(lines) -> None:
    structlog.get_logger().debug("detail")
    assert lines() == []


@pytest.mark.parametrize("field", ["api_key", "X-Api-Key", "authorization", "filename", "audio"])
def test_fields_that_name_secrets_or_files_are_hidden_also_when_nested(lines, field: str) -> None:
    structlog.get_logger().info("request", **{field: "secret-value"}, inner={field: "secret-value"})
    assert "secret-value" not in json.dumps(lines())


def test_keys_tokens_passwords_and_queries_are_hidden_wherever_they_stand(lines) -> None:
    key = generate_key()
    logger = logging.getLogger("anything")
    logger.info("refused %s", key)
    logger.info("header Bearer abc.def/ghi and https://me:pw@host/a?sig=123 and GET /x?name=me.wav")
    try:
        raise ValueError(f"bad {key}")
    except ValueError:
        logger.exception("failed")
    structlog.get_logger().info("bytes", media=b"RIFF....")
    output = json.dumps(lines())
    for secret in (key[13:], "abc.def", "me:pw", "sig=123", "me.wav", "RIFF"):
        assert secret not in output
    assert key[:12] in output
    assert "ValueError" in output


def test_the_console_form_is_readable_and_redacted() -> None:
    stream = io.StringIO()
    configure_logs("console", "info", stream)
    structlog.get_logger().info("answered", status=200, filename="me.wav")
    assert "answered" in stream.getvalue()
    assert "status=200" in stream.getvalue()
    assert "me.wav" not in stream.getvalue()
