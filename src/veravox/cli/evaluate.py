"""`veravox evaluate`: error rates on labelled recordings.

The evaluation is imported when it runs: the server shares this command line and needs none of it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer
from rich.progress import Progress

from veravox.analysis import Analyser, AnalysisOptions, open_analyser
from veravox.cli.console import err, fail, out, settings
from veravox.cli.voiceid import open_voices
from veravox.detection.calibration import spoof_probability
from veravox.errors import VeravoxError
from veravox.voice_analysis import Heard, VoiceAnalyser

if TYPE_CHECKING:
    from veravox.evaluation.protocol import ScoredFile
    from veravox.evaluation.speaker import Judged

SHORTEST_SECONDS = 0.5
SPEAKER_HEADLINES = ("eer", "min_dcf", "cllr", "min_cllr", "fmr", "fnmr", "a_dcf")
HEADLINES = ("eer", "auc", "cllr", "min_cllr", "accuracy", "bpcer", "apcer", "coverage")


class Task(StrEnum):
    """What is evaluated."""

    SPOOF = "spoof"
    SPEAKER = "speaker"


def evaluate(
    manifest: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            metavar="MANIFEST",
            help="CSV with path,label,system,family,source,speaker,language,condition; "
            "paths relative to it, label bonafide or spoof. For `--task speaker`: enrol,test,label"
            "[,condition], label target, nontarget or spoof.",
        ),
    ],
    out_dir: Annotated[
        Path, typer.Option("--out", help="Folder for metrics.json, scores.csv, plots, report.md.")
    ],
    model: Annotated[str | None, typer.Option(help="Model id or alias.")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Decision threshold on the spoof probability, 0 to 1.")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="File of `veravox calibrate`. Default: VERAVOX_CALIBRATION_FILE."),
    ] = None,
    task: Annotated[
        Task, typer.Option(help="`spoof` judges recordings, `speaker` pairs of them.")
    ] = Task.SPOOF,
) -> None:
    """Score labelled recordings and report error rates, calibration and coverage.

    Recordings from 0.5 s on are scored here, although the API asks for 3 s.
    """
    if task is Task.SPEAKER:
        _evaluate_speakers(manifest, out_dir)
        return
    from veravox.evaluation.protocol import evaluate as run_protocol

    config = settings()
    threads = config.scoring_threads
    try:
        options = AnalysisOptions(model, threshold, minimum_seconds=SHORTEST_SECONDS)
        with (
            open_analyser(
                config.models_dir,
                decoder_processes=threads,
                scoring_threads=threads,
                calibration=calibration or config.calibration_file,
            ) as analyser,
            Progress(console=err, transient=True) as progress,
        ):
            bar = progress.add_task("Scoring")
            metrics = run_protocol(
                manifest,
                out_dir,
                lambda media: score_file(analyser, media, options),
                analyser.models.card(model),
                threshold=threshold,
                workers=threads,
                progress=lambda done, total: progress.update(bar, completed=done, total=total),
            )
    except VeravoxError as error:
        fail(error.message)
    _print(metrics, HEADLINES, out_dir)


def _evaluate_speakers(trials: Path, out_dir: Path) -> None:
    from veravox.evaluation.speaker import Terms, evaluate_speakers

    threads = settings().scoring_threads
    try:
        with open_voices() as voices, Progress(console=err, transient=True) as progress:
            bar = progress.add_task("Listening")
            terms = Terms(
                model_id=voices.card.id,
                model_sha256=voices.card.sha256,
                threshold=voices.point.threshold,
                false_match_rate=voices.point.false_match_rate,
            )
            metrics = evaluate_speakers(
                trials,
                out_dir,
                _VoiceListener(voices),
                terms,
                workers=threads,
                progress=lambda done, total: progress.update(bar, completed=done, total=total),
            )
    except VeravoxError as error:
        fail(error.message)
    _print(metrics, SPEAKER_HEADLINES, out_dir)


class _VoiceListener:
    """The voices of this installation as the evaluation wants them."""

    def __init__(self, voices: VoiceAnalyser) -> None:
        self._voices = voices

    def hear(self, media: BinaryIO) -> Heard:
        return self._voices.hear(media, SHORTEST_SECONDS)

    def judge(self, enrolled: Heard, tested: Heard) -> "Judged":
        from veravox.evaluation.speaker import Judged

        comparison = self._voices.compare(enrolled.embedding, tested)
        ruling = self._voices.rule(comparison, self._voices.point, tested)
        return Judged(
            llr=comparison.llr,
            accepted=ruling.is_match,
            decision=ruling.decision,
            reason=ruling.doubt,
            net_speech=tested.analysis.quality.net_speech,
        )


def _print(metrics: Mapping[str, Any], headlines: Sequence[str], out_dir: Path) -> None:
    for name in headlines:
        value = metrics[name]
        out.print(f"{name:10} {'-' if value is None else f'{value:.4f}'}")
    out.print(f"report     {out_dir / 'report.md'}")


def score_file(analyser: Analyser, media: BinaryIO, options: AnalysisOptions) -> "ScoredFile":
    """What `analyser` concludes about a recording, as an evaluation wants it."""
    from veravox.evaluation.protocol import ScoredFile

    analysis = analyser.analyse(media, options)
    llr = analysis.verdict.spoof_llr
    return ScoredFile(
        spoof_llr=llr,
        spoof_probability=None if llr is None else spoof_probability(llr),
        result=analysis.verdict.result,
        reason=analysis.verdict.reason,
        seconds=analysis.duration,
    )
