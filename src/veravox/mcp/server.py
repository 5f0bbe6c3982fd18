"""The tools `detect` and `verify` over the Model Context Protocol."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated, BinaryIO

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from veravox import __version__
from veravox.analysis import Analyser, AnalysisOptions
from veravox.errors import VeravoxError
from veravox.mcp.answers import Comparison, Detection, comparison, detection
from veravox.mcp.folders import AllowedFolders
from veravox.speaker.embedding import Embedding
from veravox.speaker.voice_file import read_voice
from veravox.voice_analysis import VoiceAnalyser

INSTRUCTIONS = """\
Judges recordings of speech on this machine: `detect` tells genuine from synthetic speech, `verify`
tells whether two recordings are of one person. A verdict is one signal and no proof; where the
result is null, say so with the reason instead of guessing. Files can be read from:
"""
VOICE_FILE_SUFFIX = ".json"
LARGEST_VOICE_FILE = 65_536

_READS_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)

RecordingPath = Annotated[
    str, Field(description="Path of the recording, absolute or relative to an allowed folder.")
]

Opened = Callable[[str], AbstractContextManager[BinaryIO]]


def create_server(
    analyser: Analyser, voices: VoiceAnalyser | None, folders: AllowedFolders
) -> MCPServer:
    """A server whose tools read files of `folders` only; without `voices` there is no `verify`."""
    listed = "\n".join(f"- {path}" for path in folders.paths)
    server = MCPServer("veravox", instructions=INSTRUCTIONS + listed, version=__version__)

    @contextmanager
    def opened(path: str) -> Generator[BinaryIO]:
        """The file, with what is wrong in words for the assistant."""
        try:
            with folders.open(path) as media:
                yield media
        except VeravoxError as error:
            raise ToolError(error.message) from error

    @server.tool(annotations=_READS_ONLY)
    def detect(
        path: RecordingPath,
        threshold: Annotated[
            float | None,
            Field(ge=0, le=1, description="Spoof probability from which a part is spoofed."),
        ] = None,
    ) -> Detection:
        """Tell whether a recording of at least 3 s is genuine or synthetic speech, part by part."""
        with opened(path) as media:
            return detection(analyser.analyse(media, AnalysisOptions(threshold=threshold)))

    if voices is not None:
        _add_verify(server, voices, opened)
    return server


def _add_verify(server: MCPServer, voices: VoiceAnalyser, opened: Opened) -> None:
    def reference(path: str) -> Embedding:
        with opened(path) as media:
            if path.endswith(VOICE_FILE_SUFFIX):
                return read_voice(media.read(LARGEST_VOICE_FILE), voices.card.id)
            return voices.enrol(media).embedding

    @server.tool(annotations=_READS_ONLY)
    def verify(
        path: RecordingPath,
        voice: Annotated[
            str,
            Field(
                description="Whose voice it should be: path of another recording of that person, "
                "of at least 10 s, or of a file that `veravox voiceid enroll` made."
            ),
        ],
    ) -> Comparison:
        """Tell whether a recording is of a certain person's voice, and not an imitation of it."""
        known = reference(voice)
        with opened(path) as media:
            return comparison(voices.verify(media, known))
