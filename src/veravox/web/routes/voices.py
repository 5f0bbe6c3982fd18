"""Voiceprints: enrolled, compared with, and erased."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from veravox.detection.calibration import spoof_probability
from veravox.http.dialects.aurigin_v1_voiceid import FILE_FIELD, EnrolFields, UserId
from veravox.http.forms import missing_file, submission, validated
from veravox.http.services import Services
from veravox.speaker.decision import Decision
from veravox.speaker.scoring import match_probability
from veravox.voice_analysis import Verification
from veravox.voiceprints import Voiceprint, WantedEnrolment
from veravox.web import wording
from veravox.web.dashboard import ENROL, VERIFY
from veravox.web.rendering import percent
from veravox.web.view import view
from veravox.web.visitors import administering, caller, visitor

router = APIRouter(include_in_schema=False)

_DECISIONS = {
    Decision.ACCEPT: "The same voice",
    Decision.REJECT: "Not accepted",
    Decision.INCONCLUSIVE: "Cannot tell",
}


class VerifyFields(BaseModel):
    """Whose voice a recording is said to be."""

    model_config = ConfigDict(extra="ignore")

    user_id: UserId


@dataclass(frozen=True, slots=True)
class ShownVoiceprint:
    """A voiceprint, and whether the present encoder can compare with it."""

    voiceprint: Voiceprint
    usable: bool


@router.get("/voices")
async def voices_page(request: Request) -> Response:
    """All voiceprints of the tenant."""
    found = await visitor(request)
    voices = Services.of(request.scope).voiceprints
    model_id = voices.model_id
    shown = [
        ShownVoiceprint(v, model_id is not None and v.embedding(model_id) is not None)
        for v in await voices.list(found.tenant_id, found.user.id)
    ]
    return view(request, found, "voices.html", "voices", voices=shown, model_id=model_id)


@router.post(ENROL)
async def enrol(request: Request) -> JSONResponse:
    """As `POST /v1/voiceid/enroll` with `store`, for whoever is signed in."""
    found = await caller(request)
    async with submission(request, FILE_FIELD) as sent:
        if sent.media is None:
            raise missing_file(FILE_FIELD)
        fields = validated(EnrolFields, sent.fields)
        wanted = WantedEnrolment(
            user_id=fields.user_id, store=True, replace=fields.replace, consent=fields.consent
        )
        enrolled = await Services.of(request.scope).voiceprints.enrol(
            found.tenant_id, found.user.id, sent.media, wanted
        )
    seconds = enrolled.enrolment.quality.net_speech
    message = f"The voice of {enrolled.user_id} is enrolled, from {seconds:.0f} s of speech."
    return JSONResponse({"title": "Enrolled", "tone": "bonafide", "message": message})


@router.post(VERIFY)
async def verify(request: Request) -> JSONResponse:
    """As `POST /v1/voiceid/verify`, for whoever is signed in."""
    found = await caller(request)
    async with submission(request, FILE_FIELD) as sent:
        if sent.media is None:
            raise missing_file(FILE_FIELD)
        fields = validated(VerifyFields, sent.fields)
        verification = await Services.of(request.scope).voiceprints.verify_user(
            found.tenant_id, found.user.id, sent.media, fields.user_id
        )
    return JSONResponse(_told(verification, fields.user_id))


@router.post("/voices/erase")
async def erase(request: Request) -> Response:
    """A voiceprint is gone for ever."""
    found, fields = await administering(request)
    voices = Services.of(request.scope).voiceprints
    receipt = await voices.erase(found.tenant_id, found.user.id, fields.get("user_id", ""))
    return view(request, found, "erased.html", "voices", receipt=receipt)


def _told(verification: Verification, user_id: str) -> dict[str, object]:
    """A comparison in words and numbers."""
    ruling, comparison = verification.ruling, verification.comparison
    verdict = verification.analysis.verdict
    llr = verdict.spoof_llr
    probability = match_probability(comparison.llr, verification.point.threshold)
    return {
        "title": _DECISIONS[ruling.decision],
        "tone": {Decision.ACCEPT: "bonafide", Decision.REJECT: "spoofed"}.get(
            ruling.decision, "none"
        ),
        "message": ruling.doubt
        or f"The recording is accepted as {user_id}, and the voice shows no sign of synthesis.",
        "facts": [
            ["Match", percent(probability)],
            ["Similarity", f"{(comparison.cosine + 1) / 2:.3f}"],
            ["Is the voice genuine?", wording.short_verdict(verdict.result)],
            [
                "Probability of synthesis",
                "-" if llr is None else percent(spoof_probability(llr)),
            ],
            ["Rate of false matches", f"{verification.point.false_match_rate * 100:g} %"],
        ],
    }
