"""From a stored prediction and its model's card to a report; equal input gives an equal report."""

import math
from collections.abc import Iterable, Sequence

from veravox import __version__
from veravox.analysis import Analysis, Method
from veravox.audio.recording import ContainerFacts, MediaInfo, Quality
from veravox.detection.calibration import spoof_probability
from veravox.detection.card import MetricTable, ModelCard
from veravox.detection.verdict import Result, Segment
from veravox.errors import Conflict
from veravox.predictions import FileFacts, Prediction, Status
from veravox.reports.content import (
    FORMAT,
    ChannelBody,
    ContainerBody,
    CustodyBody,
    FileBody,
    ModelBody,
    PosteriorBody,
    QualityBody,
    Report,
    SegmentBody,
    TagBody,
    TestBody,
    VerdictBody,
)
from veravox.reports.words import LIMITS, explanation, headline

PRIORS = (0.5, 0.1, 0.01, 0.001)
ALL = "all"
DECIMALS = 6


def method_of(prediction: Prediction) -> Method:
    """How a prediction was made. Raises Conflict where there is nothing to report on."""
    if prediction.status is not Status.COMPLETED:
        raise Conflict(f"The prediction '{prediction.id}' has no result: it is {prediction.status}")
    method = prediction.completed.method
    if method is None:
        raise _too_old(prediction)
    return method


def compose(prediction: Prediction, tenant_id: str | None, card: ModelCard) -> Report:
    """The report on a completed prediction, which was made under `card`.

    `tenant_id` is its owner, None for one that was made offline. Raises Conflict where there is
    nothing to report on.
    """
    method = method_of(prediction)
    analysis, custody = prediction.completed, prediction.custody
    facts = analysis.media.facts
    if facts is None or custody.file is None or custody.received_at is None:
        raise _too_old(prediction)
    tests = list(_tests(card))
    return Report(
        format=FORMAT,
        prediction_id=prediction.id,
        composed_by=f"veravox {__version__}",
        verdict=_verdict(analysis, card, tests),
        file=_file(custody.file, prediction.name),
        container=_container(analysis.media, facts, analysis.duration),
        quality=_quality(analysis.quality, card),
        silence_threshold=method.silence_threshold,
        segments=[_segment(segment) for segment in analysis.segments],
        channels=[
            ChannelBody(
                channel=channel.channel,
                result=channel.verdict.result,
                reason=channel.verdict.reason,
                spoof_llr=_rounded(channel.verdict.spoof_llr),
                segments=[_segment(segment) for segment in channel.segments],
            )
            for channel in analysis.channels
        ],
        warnings=[*prediction.warnings, *analysis.warnings],
        model=_model(prediction.model, card, method, tests),
        custody=CustodyBody(
            tenant_id=tenant_id,
            key_id=custody.origin.key_id if custody.origin else None,
            call=custody.origin.call if custody.origin else None,
            received_at=custody.received_at,
            analysis_started_at=method.started_at,
            analysis_seconds=round(analysis.processing_time, 3),
            audio_kept_until=custody.audio_kept_until,
            software=dict(method.software),
        ),
        limits=list(LIMITS),
    )


def _too_old(prediction: Prediction) -> Conflict:
    return Conflict(
        f"The prediction '{prediction.id}' was made from a stream or before reports were; "
        "analyse a recording"
    )


def _verdict(analysis: Analysis, card: ModelCard, tests: list[TestBody]) -> VerdictBody:
    verdict = analysis.verdict
    llr = verdict.spoof_llr
    return VerdictBody(
        result=verdict.result,
        reason=verdict.reason,
        spoof_llr=_rounded(llr),
        spoof_probability=_probability(llr),
        threshold=analysis.threshold,
        headline=headline(verdict),
        explanation=explanation(analysis, card, tests),
        posteriors=[
            PosteriorBody(prior=prior, spoof_probability=_round(spoof_probability(llr, prior)))
            for prior in PRIORS
            if llr is not None and verdict.result in (Result.BONAFIDE, Result.SPOOFED)
        ],
    )


def _file(facts: FileFacts, name: str | None) -> FileBody:
    return FileBody(
        name=name,
        size=facts.size,
        sha256=facts.sha256,
        sha512=facts.sha512,
    )


def _container(media: MediaInfo, facts: ContainerFacts, duration: float) -> ContainerBody:
    return ContainerBody(
        container=media.container,
        format=facts.format,
        codec=media.codec,
        sample_rate=media.sample_rate,
        channels=media.channels,
        duration=round(duration, 3),
        stated_duration=facts.seconds,
        bit_rate=facts.bit_rate,
        sample_format=facts.sample_format,
        layout=facts.layout,
        streams=list(facts.streams),
        tags=[TagBody(name=name, value=value) for name, value in facts.tags],
    )


def _quality(quality: Quality, card: ModelCard) -> QualityBody:
    return QualityBody(
        net_speech=_round(quality.net_speech),
        snr_db=_rounded(quality.snr_db),
        bandwidth_hz=_round(quality.bandwidth_hz),
        level_dbfs=_round(quality.level_dbfs),
        clipping_ratio=_round(quality.clipping_ratio),
        limits=card.quality.model_dump(),
    )


def _segment(segment: Segment) -> SegmentBody:
    return SegmentBody(
        index=segment.index,
        start=round(segment.start, 3),
        end=round(segment.end, 3),
        silence=round(segment.silence, 4),
        spoof_llr=_rounded(segment.spoof_llr),
        spoof_probability=_probability(segment.spoof_llr),
        result=segment.result,
        reason=segment.reason,
    )


def _model(asked_for: str, card: ModelCard, method: Method, tests: Sequence[TestBody]) -> ModelBody:
    calibration = card.calibration_digest()
    return ModelBody(
        id=card.id,
        requested_as=asked_for,
        created=card.created,
        description=card.description,
        weights_sha256=card.sha256,
        card_sha256=method.card_sha256,
        calibration_id=f"{card.id}@{calibration[:12]}",
        calibration_sha256=calibration,
        threshold=card.threshold,
        indecision_band=(_round(card.band.low), _round(card.band.high)),
        training_data_sha256=card.data.sha256,
        training_data=card.data.summary,
        speech_activity_sha256=method.speech_activity_sha256,
        tests=list(tests),
    )


def _tests(card: ModelCard) -> Iterable[TestBody]:
    """The tests of a card that have a row for all recordings together."""
    for title, table in card.metrics.items():
        if ALL in table.rows:
            yield _test(title, table)


def _test(title: str, table: MetricTable) -> TestBody:
    row = table.rows[ALL]
    return TestBody(
        title=title,
        command=table.command,
        n_bonafide=_count(row.get("n_bonafide")),
        n_spoof=_count(row.get("n_spoof")),
        eer=row.get("eer"),
        bpcer=row.get("bpcer"),
        apcer=row.get("apcer"),
        cllr=row.get("cllr"),
    )


def _count(value: float | None) -> int | None:
    return None if value is None else round(value)


def _probability(llr: float | None) -> float | None:
    return None if llr is None else _round(spoof_probability(llr))


def _rounded(value: float | None) -> float | None:
    return None if value is None else _round(value)


def _round(value: float) -> float:
    """Finite and short, so that every JSON library reads the same number."""
    return round(value, DECIMALS) if math.isfinite(value) else math.copysign(1e6, value)
