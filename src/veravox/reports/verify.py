"""Checking a report offline: is it what was signed, by whom, and on which recording?"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from veravox.predictions import file_facts
from veravox.reports.content import Report
from veravox.reports.envelope import ReadReport, read
from veravox.reports.pdf_check import read_pdf
from veravox.security import PublicKey

PDF_HEAD = b"%PDF-"


class Outcome(StrEnum):
    """What a check found."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked, and what was found in a sentence."""

    what: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A report and everything that was found about it."""

    report: Report
    key: PublicKey
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of all findings."""
        found = {finding.outcome for finding in self.findings}
        if Outcome.BAD in found:
            return Outcome.BAD
        return Outcome.UNKNOWN if Outcome.UNKNOWN in found else Outcome.GOOD


def check(
    content: bytes, trusted: Collection[PublicKey] = (), audio: BinaryIO | None = None
) -> Checked:
    """What holds of a report, JSON or PDF, given the keys that are trusted and the recording.

    Raises InvalidRequest for a file that is no report.
    """
    if content.startswith(PDF_HEAD):
        inner, pdf_finding = _pdf(content)
        findings = [pdf_finding, _signature(inner)]
    else:
        inner = read(content)
        findings = [_signature(inner)]
    findings.append(_signer(inner.key, trusted))
    if audio is not None:
        findings.append(_recording(inner.report, audio))
    return Checked(inner.report, inner.key, tuple(findings))


def _signature(inner: ReadReport) -> Finding:
    if inner.genuine:
        return Finding("contents", Outcome.GOOD, "the report is what was signed, unaltered")
    return Finding("contents", Outcome.BAD, "the report was altered after it was signed")


def _signer(key: PublicKey, trusted: Collection[PublicKey]) -> Finding:
    if key in trusted:
        return Finding("signer", Outcome.GOOD, f"signed under the trusted key {key.id}")
    if trusted:
        return Finding("signer", Outcome.BAD, f"signed under {key.id}, which is not trusted")
    detail = f"signed under {key.id}; compare it with the key that the installation publishes"
    return Finding("signer", Outcome.UNKNOWN, detail)


def _recording(report: Report, audio: BinaryIO) -> Finding:
    facts = file_facts(audio)
    told = report.file
    if (facts.size, facts.sha256, facts.sha512) == (told.size, told.sha256, told.sha512):
        return Finding("recording", Outcome.GOOD, "the report is on exactly this recording")
    return Finding("recording", Outcome.BAD, "the report is on another recording than this one")


def _pdf(content: bytes) -> tuple[ReadReport, Finding]:
    """The report inside a PDF, and whether the PDF is as it was signed, under the same key."""
    found = read_pdf(content)
    inner = read(found.attachment)
    if not found.intact:
        return inner, Finding("pdf", Outcome.BAD, "the PDF was altered after it was signed")
    if found.signer != inner.key.raw:
        return inner, Finding("pdf", Outcome.BAD, "the PDF was signed under another key")
    return inner, Finding("pdf", Outcome.GOOD, "the PDF is what was signed, unaltered")
