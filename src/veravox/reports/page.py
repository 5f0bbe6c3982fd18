"""What stands on the pages of a PDF report: every string in it, ready to be set."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from veravox.detection.verdict import Result
from veravox.reports.content import Report, SegmentBody
from veravox.reports.envelope import SignatureBody, SignedReport
from veravox.reports.timeline import Bar, bars, ticks
from veravox.reports.words import clock, percent

MOST_ROWS = 720
"""Windows in the table of a PDF, an hour of them; the attached JSON has all."""
HASH_LINE = 64
UNKNOWN = "not known"

_LATIN = ((0x20, 0x7E), (0xA1, 0xAC), (0xAE, 0x17F))
_GREEK_AND_CYRILLIC = (
    (0x386, 0x386),
    (0x388, 0x38A),
    (0x38E, 0x3A1),
    (0x3A3, 0x3CE),
    (0x400, 0x45F),
)
_PUNCTUATION = ((0x2013, 0x2014), (0x2018, 0x201E), (0x2026, 0x2026), (0x20AC, 0x20AC))
_SHOWN = (*_LATIN, *_GREEK_AND_CYRILLIC, *_PUNCTUATION)
"""Ranges of code points that the embedded fonts have."""

Rows = list[list[Any]]


def page(signed: SignedReport) -> dict[str, Any]:
    """The strings and numbers that the template sets."""
    report = signed.report
    return {
        "id": report.prediction_id,
        "date": _date(report.custody.received_at),
        "name": shown(report.file.name or "a recording without a name"),
        "headline": report.verdict.headline,
        "tone": report.verdict.result or "undecided",
        "explanation": report.verdict.explanation,
        "warnings": [shown(warning) for warning in report.warnings],
        "numbers": _numbers(report),
        "posteriors": [
            [percent(one.prior), percent(one.spoof_probability)]
            for one in report.verdict.posteriors
        ],
        "file": _file(report),
        "container": _container(report),
        "quality": _quality(report),
        "tracks": _tracks(report),
        "model": _model(report),
        "tests": _tests(report),
        "custody": _custody(report),
        "software": [[name, version] for name, version in report.custody.software.items()],
        "limits": report.limits,
        "signature": _signature(signed.signature),
        "key": signed.signature.key_id,
    }


def shown(text: str) -> str:
    """`text` with every character that the fonts lack as its code point; the JSON has it as is."""
    return "".join(
        letter if any(low <= ord(letter) <= high for low, high in _SHOWN) else _code(letter)
        for letter in text
    )


def _code(letter: str) -> str:
    return f"<U+{ord(letter):04X}>"


def _date(moment: datetime) -> dict[str, int]:
    names = ("year", "month", "day", "hour", "minute", "second")
    return {name: getattr(moment, name) for name in names}


def _time(moment: datetime | None) -> str:
    return UNKNOWN if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _hash(digest: str) -> list[str]:
    return [digest[i : i + HASH_LINE] for i in range(0, len(digest), HASH_LINE)]


def _numbers(report: Report) -> Rows:
    verdict = report.verdict
    if verdict.spoof_probability is None or verdict.spoof_llr is None:
        return [["Spoof probability of the recording", "not scored"]]
    band = report.model.indecision_band
    return [
        ["Spoof probability of the recording", percent(verdict.spoof_probability)],
        ["Decision threshold", percent(verdict.threshold)],
        ["Log likelihood ratio", f"{verdict.spoof_llr:+.2f} (positive: synthetic)"],
        ["No verdict if within", f"{band[0]:+.2f} to {band[1]:+.2f} of the threshold"],
    ]


def _file(report: Report) -> Rows:
    file = report.file
    return [
        ["Name given by the sender", shown(file.name) if file.name else UNKNOWN],
        ["Size", f"{file.size:,} bytes"],
        ["SHA-256", _hash(file.sha256)],
        ["SHA-512", _hash(file.sha512)],
    ]


def _container(report: Report) -> Rows:
    facts = report.container
    stated = UNKNOWN if facts.stated_duration is None else f"{facts.stated_duration:,.3f} s"
    rate = UNKNOWN if facts.bit_rate is None else f"{facts.bit_rate / 1000:,.1f} kbit/s"
    return [
        ["Container", shown(facts.format)],
        ["Audio codec", f"{facts.codec}, {facts.sample_format}"],
        ["Sample rate, channels", f"{facts.sample_rate:,} Hz, {facts.channels} ({facts.layout})"],
        ["Duration of the decoded audio", f"{facts.duration:,.3f} s ({clock(facts.duration)})"],
        ["Duration that the file states", stated],
        ["Bit rate of the file", rate],
        ["Streams", "; ".join(shown(stream) for stream in facts.streams)],
        *([f"Tag: {shown(tag.name)}", shown(tag.value)] for tag in facts.tags),
    ]


def _quality(report: Report) -> Rows:
    quality = report.quality
    needs = quality.limits
    snr = "no speech" if quality.snr_db is None else f"{quality.snr_db:.1f} dB"
    return [
        ["Speech", f"{quality.net_speech:.1f} s", f"{needs['net_speech']:.1f} s"],
        ["Signal-to-noise ratio", snr, f"{needs['snr_db']:.0f} dB"],
        ["Bandwidth", f"{quality.bandwidth_hz:,.0f} Hz", f"{needs['bandwidth_hz']:,.0f} Hz"],
        ["Level of the speech", f"{quality.level_dbfs:.1f} dBFS", ""],
        ["Clipped samples", f"{100 * quality.clipping_ratio:.2f} %", ""],
    ]


def _tracks(report: Report) -> list[dict[str, Any]]:
    """The windows of the mix, or of each channel."""
    if not report.channels:
        return [_track("", report.segments, report)]
    return [
        _track(
            f"Channel {channel.channel}: {channel.result or f'no verdict ({channel.reason})'}",
            channel.segments,
            report,
        )
        for channel in report.channels
    ]


def _track(title: str, segments: Sequence[SegmentBody], report: Report) -> dict[str, Any]:
    drawn = bars(segments)
    duration = max((segment.end for segment in segments), default=0.0)
    listed = _listed(segments)
    return {
        "title": title,
        "duration": duration,
        "threshold": report.verdict.threshold,
        "bars": [_drawn(bar) for bar in drawn],
        "ticks": [[tick, clock(tick).removesuffix(".0")] for tick in ticks(duration)],
        "alt": _alternative(segments),
        "grouped": len(drawn) < len(segments),
        "rows": [_row(segment) for segment in listed],
        "left_out": len(segments) - len(listed),
    }


def _drawn(bar: Bar) -> dict[str, Any]:
    return {
        "start": bar.start,
        "end": bar.end,
        "probability": bar.probability,
        "spoofed": bar.spoofed,
    }


def _alternative(segments: Sequence[SegmentBody]) -> str:
    """The picture for those who cannot see it."""
    scored = [segment for segment in segments if segment.spoof_probability is not None]
    spoofed = [segment for segment in segments if segment.result is Result.SPOOFED]
    text = (
        f"Bar chart of the spoof probability over time: {len(segments)} windows, "
        f"{len(scored)} scored, {len(spoofed)} called spoofed."
    )
    if not spoofed:
        return text
    first, last = clock(spoofed[0].start), clock(spoofed[-1].end)
    return f"{text} The first of these begins at {first}, the last ends at {last}."


def _listed(segments: Sequence[SegmentBody]) -> Sequence[SegmentBody]:
    """All windows, or of very many those called spoofed and then the most suspicious."""
    if len(segments) <= MOST_ROWS:
        return segments
    suspicion = sorted(segments, key=lambda s: s.spoof_probability or 0.0, reverse=True)
    return sorted(suspicion[:MOST_ROWS], key=lambda segment: segment.index)


def _row(segment: SegmentBody) -> list[str]:
    scored = segment.spoof_probability is not None and segment.spoof_llr is not None
    return [
        str(segment.index + 1),
        f"{clock(segment.start)} \u2013 {clock(segment.end)}",
        percent(segment.spoof_probability) if segment.spoof_probability is not None else "",
        f"{segment.spoof_llr:+.2f}" if scored else "",
        f"{100 * segment.silence:.0f} %",
        segment.result or segment.reason or "",
    ]


def _model(report: Report) -> Rows:
    model = report.model
    return [
        [
            "Model",
            f"{model.id} of {model.created:%Y-%m-%d}, asked for as {shown(model.requested_as)}",
        ],
        ["Description", model.description],
        ["Weights, SHA-256", _hash(model.weights_sha256)],
        ["Model card, SHA-256", _hash(model.card_sha256)],
        ["Calibration", model.calibration_id],
        ["Calibration, SHA-256", _hash(model.calibration_sha256)],
        ["Training data", model.training_data],
        ["Training data, SHA-256", _hash(model.training_data_sha256)],
        ["Speech detector, SHA-256", _hash(model.speech_activity_sha256)],
        [
            "Silence threshold",
            f"windows with more than {report.silence_threshold:g} % are not scored",
        ],
    ]


def _tests(report: Report) -> Rows:
    def share(value: float | None) -> str:
        return "" if value is None else percent(value)

    return [
        [
            test.title,
            "" if test.n_bonafide is None else f"{test.n_bonafide:,}",
            "" if test.n_spoof is None else f"{test.n_spoof:,}",
            share(test.eer),
            share(test.bpcer),
            share(test.apcer),
            "" if test.cllr is None else f"{test.cllr:.2f}",
        ]
        for test in report.model.tests
    ]


def _custody(report: Report) -> Rows:
    way = report.custody
    key = UNKNOWN if way.key_id is None else f"tenant {way.tenant_id}, API key id {way.key_id}"
    sender = "on this machine, without a server" if way.tenant_id is None else key
    return [
        ["Received", _time(way.received_at)],
        ["Received from", sender],
        ["Received by", way.call or UNKNOWN],
        ["Digests computed", "on receipt, before the analysis"],
        ["Analysis began", _time(way.analysis_started_at)],
        ["Analysis took", f"{way.analysis_seconds:,.3f} s"],
        ["Audio kept until", _kept(way.audio_kept_until)],
        ["Result kept", "with the prediction, until it is deleted or its retention ends"],
        ["Report composed by", report.composed_by],
    ]


def _kept(moment: datetime | None) -> str:
    return "not in the keeping of Veravox" if moment is None else f"{_time(moment)}, then deleted"


def _signature(signature: SignatureBody) -> Rows:
    return [
        ["Algorithm", f"{signature.algorithm}; JSON in the form of {signature.canonicalisation}"],
        ["Key", [signature.key_id]],
        ["Public key", [signature.public_key]],
        ["Signature of the JSON", _hash(signature.value)],
    ]
