"""`veravox report`, `verify-report` and `report-keys`: signed reports, offline."""

import asyncio
import json
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from veravox.analysis import Analyser, AnalysisOptions, open_analyser
from veravox.cli.console import fail, out, settings
from veravox.db import Database, database_url, upgrade
from veravox.errors import VeravoxError
from veravox.predictions import Custody, Origin, Prediction, Status, file_facts
from veravox.reports import KeyRing, KnownKey
from veravox.reports.compose import compose
from veravox.reports.envelope import signed, to_json
from veravox.reports.jwks import key_set, read_keys
from veravox.reports.pdf import signed_pdf
from veravox.reports.verify import Outcome, check
from veravox.security import PublicKey, SigningKey, report_secret
from veravox.settings import InvalidSettings, Settings

STYLES = {Outcome.GOOD: "green", Outcome.BAD: "bold red", Outcome.UNKNOWN: "yellow"}
DEFAULT_MODEL = "stable"
ID_DIGITS = 12

DataDir = Annotated[Path | None, typer.Option(help="Data folder, as for `veravox serve`.")]


class ExitCode(IntEnum):
    """What `verify-report` ends with."""

    GOOD = 0
    BAD = 1
    UNKNOWN = 2


def report(
    recording: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A recording.")
    ],
    target: Annotated[Path, typer.Option("--out", help="The report: a .pdf or a .json file.")],
    threshold: Annotated[
        float | None,
        typer.Option(help="Spoof probability, 0..1, from which a recording counts as spoofed."),
    ] = None,
    silence_threshold: Annotated[
        float, typer.Option(help="Windows with more silence than this percentage are not scored.")
    ] = 80.0,
    model: Annotated[str, typer.Option(help="Model id or alias.")] = DEFAULT_MODEL,
    data_dir: DataDir = None,
) -> None:
    """Judge a recording on this machine and write a signed report on it."""
    if target.suffix not in (".pdf", ".json"):
        fail("--out must name a .pdf or a .json file")
    config = settings(data_dir=data_dir)
    try:
        options = AnalysisOptions(model, threshold, silence_threshold)
        key = _signing_key(config)
        with open_analyser(config.models_dir, scoring_threads=config.scoring_threads) as analyser:
            prediction = _analysed(analyser, recording, options)
            card = analyser.models.card(options.model)
        made = signed(compose(prediction, None, card), key)
        target.write_bytes(signed_pdf(made, key) if target.suffix == ".pdf" else to_json(made))
    except (VeravoxError, InvalidSettings) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    out.print(f"{made.report.verdict.headline}; written to {target}")


def verify_report(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A report.")
    ],
    audio: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The recording that it should be on."),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Trusted public keys, as the installation publishes them (JWKS). "
            "Default: those of the installation on this machine, if there is one.",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Check a report offline: unaltered, signed by whom, on which recording.

    Exit code: 0 when everything holds; 1 when something does not; 2 when it cannot be told whose
    signature it is, or FILE is no report.
    """
    config = settings(data_dir=data_dir)
    try:
        trusted = read_keys(keys.read_bytes()) if keys else _own_keys(config)
        if audio is None:
            checked = check(file.read_bytes(), trusted)
        else:
            with audio.open("rb") as media:
                checked = check(file.read_bytes(), trusted, media)
    except VeravoxError as error:
        fail(error.message)
    for finding in checked.findings:
        style = STYLES[finding.outcome]
        out.print(f"[{style}]{finding.outcome:<8}[/]{finding.what}: {finding.detail}")
    out.print(f"{checked.report.prediction_id}: {checked.report.verdict.headline}")
    raise typer.Exit(ExitCode[checked.outcome.name])


def report_keys(data_dir: DataDir = None) -> None:
    """Print the public keys that reports are signed under, the one in use first (JWKS)."""
    config = settings(data_dir=data_dir)
    try:
        _signing_key(config)
        known = asyncio.run(_known_keys(config))
    except InvalidSettings as error:
        fail(str(error))
    typer.echo(json.dumps(key_set(known), indent=2))


def _analysed(analyser: Analyser, recording: Path, options: AnalysisOptions) -> Prediction:
    """A prediction that nobody keeps, named after the recording's digest."""
    received_at = datetime.now(UTC)
    with recording.open("rb") as media:
        facts = file_facts(media)
        analysis = analyser.analyse(media, options)
    return Prediction(
        id=f"file_{facts.sha256[:ID_DIGITS]}",
        status=Status.COMPLETED,
        created_at=received_at,
        model=options.model or DEFAULT_MODEL,
        device=None,
        warnings=(),
        analysis=analysis,
        custody=Custody(Origin("veravox report"), received_at, facts),
        name=recording.name,
    )


def _signing_key(config: Settings) -> SigningKey:
    """The installation's key, remembered in its database. Raises InvalidSettings."""
    key = SigningKey(report_secret(config))

    async def remember() -> None:
        database = Database(database_url(config))
        try:
            await KeyRing(database).add(key.public)
        finally:
            await database.close()

    try:
        upgrade(database_url(config))
        asyncio.run(remember())
    except SQLAlchemyError as error:
        fail(f"the database cannot be used: {type(error).__name__}")
    return key


def _own_keys(config: Settings) -> list[PublicKey]:
    """The keys of the installation on this machine; none where there is no installation."""
    url = database_url(config)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return []
    try:
        upgrade(url)
        return [known.key for known in asyncio.run(_known_keys(config))]
    except SQLAlchemyError as error:
        fail(f"the database cannot be used: {type(error).__name__}")


async def _known_keys(config: Settings) -> list[KnownKey]:
    database = Database(database_url(config))
    try:
        return await KeyRing(database).keys()
    finally:
        await database.close()
