"""`veravox voiceid`: enrol and compare voices on this machine, without a server and a key."""

import asyncio
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

import typer
from sqlalchemy.exc import SQLAlchemyError

from veravox.analysis import Analyser, open_analyser
from veravox.audit import AuditEntry, AuditLog, BrokenChain, check_chain
from veravox.cli.console import fail, out, settings
from veravox.db import Database, database_url, upgrade
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Verdict
from veravox.errors import InvalidModel, InvalidRequest, VeravoxError
from veravox.settings import Settings
from veravox.speaker.decision import Decision, Ruling
from veravox.speaker.embedding import Embedding
from veravox.speaker.encoder import installed_encoder
from veravox.speaker.policy import VoicePolicy
from veravox.speaker.voice_file import read_voice, written_voice
from veravox.voice_analysis import VoiceAnalyser

app = typer.Typer(help="Enrol, verify and identify voices on this machine.", no_args_is_help=True)

Recording = Annotated[
    Path, typer.Argument(metavar="RECORDING", exists=True, dir_okay=False, help="A recording.")
]
VoiceFile = Annotated[
    Path,
    typer.Option(
        "--voice", exists=True, dir_okay=False, help="The enrolled voice, made by `enroll`."
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        help="Rate of false matches to decide at, one of the encoder's. Default: its own."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Outcome = TypeVar("Outcome")


class ExitCode(IntEnum):
    """What the command ends with."""

    ACCEPT = 0
    REJECT = 1
    INCONCLUSIVE = 2


@app.command()
def enroll(
    recording: Recording,
    voice: Annotated[Path, typer.Option("--out", help="File for the voice, JSON.")],
    allow_spoofed: Annotated[
        bool,
        typer.Option("--allow-spoofed", help="Also take audio that the detector calls spoofed."),
    ] = False,
) -> None:
    """Enrol the voice in a recording of at least 10 s. The file is biometric data: keep it safe.

    Exit code: 0, or 2 when the voice cannot be enrolled.
    """
    with _voices() as voices:
        enrolled = _on(recording, lambda media: voices.enrol(media, allow_spoofed=allow_spoofed))
    voice.touch(mode=0o600)
    voice.write_text(written_voice(enrolled.embedding, enrolled.model_id), encoding="utf-8")
    quality = enrolled.quality
    noise = "" if quality.snr_db is None else f", SNR {quality.snr_db:.0f} dB"
    out.print(f"enrolled   {quality.net_speech:.1f} s of speech{noise}")
    for flaw in quality.flaws:
        out.print(f"[yellow]weak[/]       {flaw}")


@app.command()
def verify(
    recording: Recording, voice: VoiceFile, rate: Rate = None, as_json: AsJson = False
) -> None:
    """Tell whether a recording is of an enrolled voice, and genuine.

    Exit code: 0 to accept, 1 to reject, 2 when it is inconclusive.
    """
    with _voices(rate) as voices:
        reference = _voice(voice, voices.card.id)
        result = _on(recording, lambda media: voices.verify(media, reference))
    ruling = result.ruling
    content: dict[str, Any] = {
        "is_match": ruling.is_match,
        "decision": ruling.decision,
        "reason": ruling.doubt,
        "llr": result.comparison.llr,
        "threshold": result.point.threshold,
        "cosine": result.comparison.cosine,
        "model_version": result.model_id,
        "deepfake": _deepfake(result.analysis.verdict),
    }
    _answer(content, ruling, as_json=as_json)


@app.command()
def identify(
    recording: Recording,
    voice_files: Annotated[
        list[Path],
        typer.Argument(
            metavar="VOICE...", exists=True, dir_okay=False, help="Files made by `enroll`."
        ),
    ],
    rate: Rate = None,
    as_json: AsJson = False,
) -> None:
    """Find which of several enrolled voices a recording is of, if of any.

    Exit code: 0 when one is found, 1 when none is, 2 when it is inconclusive.
    """
    with _voices(rate) as voices:
        references = {str(path): _voice(path, voices.card.id) for path in voice_files}
        result = _on(recording, lambda media: voices.identify(media, references))
    ruling = result.ruling
    content: dict[str, Any] = {
        "voice": result.candidates[0].name if ruling.is_match else None,
        "decision": ruling.decision,
        "reason": ruling.doubt,
        "threshold": result.point.threshold,
        "candidates": [
            {"voice": candidate.name, "llr": candidate.comparison.llr}
            for candidate in result.candidates
        ],
        "model_version": result.model_id,
        "deepfake": _deepfake(result.analysis.verdict),
    }
    _answer(content, ruling, as_json=as_json)


@app.command()
def audit(
    tenant: Annotated[
        str, typer.Argument(metavar="TENANT", help="As `veravox keys list` shows it.")
    ],
    data_dir: Annotated[str | None, typer.Option(help="Data folder, as for `serve`.")] = None,
) -> None:
    """Print the audit log of a tenant's voiceprints and check that nobody changed it.

    Exit code: 0, or 1 when an entry does not follow from the one before.
    """
    config = settings(data_dir=data_dir)
    try:
        upgrade(database_url(config))
        entries = asyncio.run(_entries(config, tenant))
    except SQLAlchemyError as error:
        fail(f"the database cannot be used: {type(error).__name__}")
    for entry in entries:
        who = entry.subject[:12] if entry.subject else "-"
        line = (f"{entry.at:%Y-%m-%dT%H:%M:%SZ}", entry.actor, entry.action, who, entry.outcome)
        typer.echo("\t".join((str(entry.sequence), *line)))
    try:
        check_chain(entries)
    except BrokenChain as error:
        out.print(f"[bold red]tampered with[/]: {error}")
        raise typer.Exit(1) from None


async def _entries(config: Settings, tenant: str) -> list[AuditEntry]:
    database = Database(database_url(config))
    try:
        return await AuditLog(database).entries(tenant)
    finally:
        await database.close()


@contextmanager
def open_voices(rate: float | None = None) -> Generator[VoiceAnalyser]:
    """What the settings describe, with another `rate` of false matches if that is given.

    Raises InvalidModel and InvalidRequest.
    """
    config = settings()
    threads = config.scoring_threads
    with open_analyser(
        config.models_dir,
        decoder_processes=threads,
        scoring_threads=threads,
        calibration=config.calibration_file,
    ) as analyser:
        voices = voices_on(analyser, config, rate)
        if voices is None:
            raise InvalidModel("No speaker encoder is installed")
        yield voices


def voices_on(
    analyser: Analyser, config: Settings, rate: float | None = None
) -> VoiceAnalyser | None:
    """The voices that `analyser` hears, None where no encoder is installed.

    Raises InvalidModel, and InvalidRequest for a `rate` that the encoder does not offer.
    """
    encoder = installed_encoder(config.voice_model_dir)
    if encoder is None:
        return None
    policy = VoicePolicy(rate or config.voice_false_match_rate, config.voice_spoof_verdict_needed)
    return VoiceAnalyser(analyser, encoder, policy)


@contextmanager
def _voices(rate: float | None = None) -> Generator[VoiceAnalyser]:
    try:
        with open_voices(rate) as voices:
            yield voices
    except VeravoxError as error:
        fail(error.message)


def _on(recording: Path, work: Callable[[BinaryIO], Outcome]) -> Outcome:
    with recording.open("rb") as media:
        return work(media)


def _voice(path: Path, model_id: str) -> Embedding:
    """The embedding in a file of `enroll`; ends the command for any other file."""
    try:
        return read_voice(path.read_bytes(), model_id)
    except InvalidRequest as error:
        fail(f"{path}: {error.message}")
    except OSError as error:
        fail(f"{path}: {error.strerror or 'cannot be read'}")


def _deepfake(verdict: Verdict) -> dict[str, Any]:
    llr = verdict.spoof_llr
    return {
        "result": verdict.result,
        "reason": verdict.reason,
        "score": None if llr is None else spoof_probability(llr),
    }


def _answer(content: dict[str, Any], ruling: Ruling, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(content))
    else:
        style = {Decision.ACCEPT: "green", Decision.REJECT: "bold red"}.get(ruling.decision, "dim")
        doubt = f": {ruling.doubt}" if ruling.doubt else ""
        out.print(f"[{style}]{ruling.decision}[/]{doubt}")
    raise typer.Exit(ExitCode[ruling.decision.name])
