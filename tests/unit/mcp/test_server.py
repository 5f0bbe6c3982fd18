"""What an assistant sees: the tools of a real `veravox mcp` process, over its standard streams."""

import os
import sys
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, TextContent

from tests.audio_factory import SPOKEN_RATE, encode, speech, spoken_file, tone
from tests.model_factory import write_model
from tests.speaker_factory import ENCODER_ID, write_encoder

SPOOFED = encode(speech(12.0) + tone(12.0, 6_000.0, peak=0.05), SPOKEN_RATE)


@dataclass(frozen=True)
class Seen:
    """The tools, and what each of some calls answered."""

    tools: dict[str, Any]
    instructions: str
    answers: list[CallToolResult]


def text(answer: CallToolResult) -> str:
    (content,) = answer.content
    assert isinstance(content, TextContent)
    return content.text


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("detect", {"path": "anna.wav"}),
    ("detect", {"path": "spoof.wav"}),
    ("detect", {"path": "letter.wav"}),
    ("detect", {"path": "../outside.wav"}),
    ("detect", {"path": "link.wav"}),
    ("detect", {"path": "anna.wav", "threshold": 7}),
    ("verify", {"path": "anna.wav", "voice": "anna.wav"}),
    ("verify", {"path": "spoof.wav", "voice": "anna.wav"}),
    ("verify", {"path": "anna.wav", "voice": "voice.json"}),
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """One conversation with the server."""
    folder = tmp_path_factory.mktemp("mcp")
    allowed = folder / "allowed"
    allowed.mkdir()
    (allowed / "anna.wav").write_bytes(spoken_file(seconds=12.0))
    (allowed / "spoof.wav").write_bytes(SPOOFED)
    (allowed / "letter.wav").write_bytes(b"%PDF-1.7")
    (allowed / "voice.json").write_text("{}")
    (folder / "outside.wav").write_bytes(spoken_file(seconds=4.0))
    (allowed / "link.wav").symlink_to(folder / "outside.wav")
    write_model(folder / "models")
    write_encoder(folder / "encoders")
    variables = {
        "VERAVOX_MODELS_DIR": str(folder / "models"),
        "VERAVOX_VOICE_MODEL_DIR": str(folder / "encoders" / ENCODER_ID),
    }
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "veravox", "mcp", str(allowed)],
        env=dict(os.environ) | variables,
    )
    return anyio.run(_converse, server)


async def _converse(server: StdioServerParameters) -> Seen:
    async with Client(server, read_timeout_seconds=120.0) as client:
        listed = await client.list_tools()
        answers = [await client.call_tool(name, arguments) for name, arguments in CALLS]
        return Seen({tool.name: tool for tool in listed.tools}, client.instructions or "", answers)


def test_the_tools_only_read(seen: Seen) -> None:
    assert set(seen.tools) == {"detect", "verify"}
    assert all(tool.annotations.read_only_hint for tool in seen.tools.values())
    assert "allowed" in seen.instructions


def test_genuine_and_spoofed_speech_are_told_apart_part_by_part(seen: Seen) -> None:
    genuine, spoofed = (answer.structured_content for answer in seen.answers[:2])

    assert genuine is not None
    assert spoofed is not None
    assert (genuine["result"], spoofed["result"]) == ("bonafide", "spoofed")
    assert [part["end_seconds"] for part in genuine["parts"]] == [5.0, 10.0, 12.0]
    assert genuine["spoof_probability"] < genuine["threshold"] <= spoofed["spoof_probability"]


@pytest.mark.parametrize(
    ("call", "word"), [(2, "PDF"), (3, "'..'"), (4, "link"), (5, "threshold"), (8, "voice")]
)
def test_what_cannot_be_done_is_said_to_the_assistant(seen: Seen, call: int, word: str) -> None:
    assert seen.answers[call].is_error
    assert word in text(seen.answers[call])


def test_a_voice_is_compared_and_an_imitation_refused(seen: Seen) -> None:
    same, imitated = (answer.structured_content for answer in seen.answers[6:8])

    assert same is not None
    assert imitated is not None
    assert same["decision"] == "accept"
    assert (imitated["decision"], imitated["spoof_result"]) == ("reject", "spoofed")
