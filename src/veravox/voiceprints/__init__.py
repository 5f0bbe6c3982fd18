"""Voiceprints: made, kept encrypted, compared with, and erased."""

from veravox.voiceprints.repository import VoiceprintRepository
from veravox.voiceprints.service import VoiceprintService
from veravox.voiceprints.voiceprint import Enrolled, Erasure, Voiceprint, WantedEnrolment

__all__ = [
    "Enrolled",
    "Erasure",
    "Voiceprint",
    "VoiceprintRepository",
    "VoiceprintService",
    "WantedEnrolment",
]
