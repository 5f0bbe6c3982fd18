"""Reports: signed, reproducible accounts of one prediction, as JSON and PDF."""

from veravox.reports.cards import CardArchive
from veravox.reports.envelope import SignedReport
from veravox.reports.keys import KeyRing, KnownKey
from veravox.reports.service import ReportService

__all__ = ["CardArchive", "KeyRing", "KnownKey", "ReportService", "SignedReport"]
