"""Aurigin's API, version 1: enrolling, verifying and identifying voices."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, BinaryIO, cast

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from veravox.accounts import ApiKey, Scope
from veravox.analysis import Analysis
from veravox.detection.calibration import spoof_probability
from veravox.detection.verdict import Result
from veravox.errors import InvalidRequest
from veravox.http.dialects.aurigin_v1 import VOICE_ENROL, VOICE_IDENTIFY, VOICE_VERIFY
from veravox.http.exchange import Exchange
from veravox.http.forms import Submission, missing_file, submission, validated
from veravox.http.openapi import KEY_SECURITY, answers, upload_body
from veravox.http.problems import ProblemBody, documented
from veravox.http.services import Services
from veravox.speaker.decision import Decision
from veravox.speaker.embedding import published
from veravox.speaker.scoring import match_probability
from veravox.speaker.voice import EnrolmentQuality
from veravox.voice_analysis import Candidate, Verification
from veravox.voiceprints import Enrolled, Erasure, Voiceprint, WantedEnrolment

FILE_FIELD = "audio_file"
SPOOFS = (Result.SPOOFED, Result.PARTIALLY_SPOOFED)
DECIMALS = 6
MOST_USERS = 1000

UserId = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class VoiceFields(BaseModel):
    """The fields of every call that takes a recording."""

    model_config = ConfigDict(extra="ignore")


class EnrolFields(VoiceFields):
    """The fields beside the recording that enrols a voice."""

    user_id: Annotated[UserId | None, Field(description="Your own id of the person.")] = None
    store: Annotated[
        bool, Field(description="Keep the voiceprint, encrypted, under `user_id`.")
    ] = False
    replace: Annotated[
        bool, Field(description="Forget the stored references of `user_id` first.")
    ] = False
    allow_spoofed: Annotated[
        bool, Field(description="Also take audio that the detector calls spoofed.")
    ] = False
    consent: Annotated[
        str | None,
        Field(max_length=500, description="Where the person's consent is recorded; kept sealed."),
    ] = None


class VerifyFields(VoiceFields):
    """The fields beside the recording that is verified: a vector, or the id of a stored one."""

    voice_vector: Annotated[
        str | None,
        Field(max_length=65_536, description="The `embedding` of an enrolment, as a JSON array."),
    ] = None
    user_id: Annotated[UserId | None, Field(description="A user with a stored voiceprint.")] = None


class IdentifyFields(VoiceFields):
    """The fields beside the recording whose speaker is looked for."""

    user_ids: Annotated[
        str | None,
        Field(
            max_length=65_536,
            description="Users to look among, as a JSON array. Default: all with a voiceprint.",
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=100, description="Most candidates in the answer.")] = 5


class DeepfakeBody(BaseModel):
    """What the detector says of the recording; `score` is the spoof probability."""

    checked: bool
    score: float | None
    result: Result | None
    reason: str | None


class QualityBody(BaseModel):
    """Whether the recording is good enough to enrol a voice, and what it lacks."""

    net_speech_seconds: float
    snr_db: float | None
    clipping_ratio: float
    single_speaker: bool
    accepted: bool
    reasons: list[str]


class EnrolBody(BaseModel):
    """An enrolled voice: 256 numbers of unit length."""

    embedding: list[float]
    processing_time: float
    model_version: str
    deepfake_checked: bool
    deepfake: DeepfakeBody
    quality: QualityBody
    user_id: str | None
    stored: bool


class VerifyBody(BaseModel):
    """Whether the voice matches.

    `similarity_score` is (cosine + 1) / 2. `llr` is the natural-log likelihood ratio that both are
    one speaker, and `confidence_score` the probability of that which is one half at `threshold`.
    `deepfake_score` is null unless the recording is spoofed.
    """

    is_match: bool
    similarity_score: float
    confidence_score: float
    processing_time: float
    model_version: str
    deepfake_score: float | None
    threshold: float
    llr: float
    decision: Decision
    reason: str | None
    deepfake: DeepfakeBody


class CandidateBody(BaseModel):
    """A stored voice and how it compares."""

    user_id: str
    similarity_score: float
    llr: float


class IdentifyBody(BaseModel):
    """Whose voice it is: `user_id` is null unless the decision is to accept."""

    user_id: str | None
    decision: Decision
    reason: str | None
    threshold: float
    candidates: list[CandidateBody]
    compared: int
    processing_time: float
    model_version: str
    deepfake: DeepfakeBody


class ReferenceBody(BaseModel):
    """One enrolled recording of a stored voiceprint."""

    model_version: str
    created_at: datetime
    net_speech_seconds: float


class VoiceprintBody(BaseModel):
    """A stored voiceprint; `usable` tells whether the present model made a reference of it."""

    user_id: str
    created_at: datetime
    updated_at: datetime
    consent: str | None
    usable: bool
    references: list[ReferenceBody]


class VoiceprintsBody(BaseModel):
    """All stored voiceprints."""

    voiceprints: list[VoiceprintBody]


class ErasureBody(BaseModel):
    """A receipt: the keys of so many people are destroyed.

    `audit_digest` is the digest of entry `audit_entry` of the audit log, which tells of it.
    """

    receipt_id: str
    erased_at: datetime
    subjects: int
    audit_entry: int
    audit_digest: str


_DEEPFAKE = {"checked": True, "score": 0.031, "result": "bonafide", "reason": None}
_ENROL_EXAMPLE: dict[str, Any] = {
    "embedding": [0.0123, -0.0871, 0.0446],
    "processing_time": 0.21,
    "model_version": "tdnn-2026-11",
    "deepfake_checked": True,
    "deepfake": _DEEPFAKE,
    "quality": {
        "net_speech_seconds": 11.2,
        "snr_db": 24.5,
        "clipping_ratio": 0.0,
        "single_speaker": True,
        "accepted": True,
        "reasons": [],
    },
    "user_id": "user-17",
    "stored": False,
}
_VERIFY_EXAMPLE = {
    "is_match": False,
    "similarity_score": 0.486,
    "confidence_score": 0.002,
    "processing_time": 0.15,
    "model_version": "tdnn-2026-11",
    "deepfake_score": None,
    "threshold": 2.31,
    "llr": -3.9,
    "decision": "reject",
    "reason": "Another speaker",
    "deepfake": _DEEPFAKE,
}
_IDENTIFY_EXAMPLE = {
    "user_id": "user-17",
    "decision": "accept",
    "reason": None,
    "threshold": 4.61,
    "candidates": [{"user_id": "user-17", "similarity_score": 0.84, "llr": 9.2}],
    "compared": 10,
    "processing_time": 0.16,
    "model_version": "tdnn-2026-11",
    "deepfake": _DEEPFAKE,
}
_VOICEPRINT_EXAMPLE = {
    "user_id": "user-17",
    "created_at": "2026-11-21T09:30:00Z",
    "updated_at": "2026-11-21T09:30:00Z",
    "consent": "form 12, signed 2026-11-20",
    "usable": True,
    "references": [
        {
            "model_version": "tdnn-2026-11",
            "created_at": "2026-11-21T09:30:00Z",
            "net_speech_seconds": 11.2,
        }
    ],
}
_ERASURE_EXAMPLE = {
    "receipt_id": "erasure_4b1f6c0a9d2e7f3851c2a6b0",
    "erased_at": "2026-11-21T09:45:00Z",
    "subjects": 1,
    "audit_entry": 42,
    "audit_digest": "4b1f6c0a9d2e7f3851c2a6b0" + 40 * "0",
}
_ERRORS = {
    400: (
        "A field is missing or wrong, the recording is too short, or it cannot enrol a voice.",
        "Audio file too short: 6.1s (minimum 10.0s required)",
    ),
    401: ("The key is missing, unknown, revoked or expired.", "Invalid or inactive API key"),
    403: ("The key lacks the scope.", "This API key lacks the scope 'voice'"),
    404: ("No such voiceprint.", "No voiceprint is stored for the user 'user-17'"),
    408: ("The body stopped arriving.", "The request body stopped arriving"),
    409: (
        "The voiceprint is another model's, or is being erased.",
        "The voiceprint was enrolled with the model tdnn-2026-05, the present one is "
        "tdnn-2026-11; enrol the voice again",
    ),
    413: ("The recording is too large.", "Request body exceeds maximum allowed size of 10MB"),
    422: ("The recording cannot be decoded.", "The file is a PDF, not audio or video"),
    429: ("A limit of the plan is reached.", "Rate limit exceeded: 10/10 per minute"),
    500: ("A bug.", "Internal server error"),
    503: ("Saturated or shutting down.", "All analysers are busy; try again shortly"),
}
_UPLOAD = (400, 408, 413, 422, 503)


def _answers(example: dict[str, Any], *statuses: int) -> dict[int | str, dict[str, Any]]:
    wanted = sorted({401, 403, 429, 500, *statuses})
    return answers(example, ProblemBody, documented({s: _ERRORS[s] for s in wanted}))


def _upload(fields: type[BaseModel]) -> dict[str, Any]:
    body = upload_body(fields, url_instead=False, file_field=FILE_FIELD)
    return body | {"security": KEY_SECURITY}


router = APIRouter(tags=["Aurigin v1"])


@router.post(
    VOICE_ENROL,
    summary="Enrol a voice",
    response_model=EnrolBody,
    responses=_answers(_ENROL_EXAMPLE, *_UPLOAD, 409),
    openapi_extra=_upload(EnrolFields),
)
async def enrol(request: Request) -> EnrolBody:
    """A recording of at least 10 s of one person. Nothing is kept unless `store` asks for it."""
    key = _key(request, Scope.VOICE)
    async with _recording(request) as (sent, media):
        fields = validated(EnrolFields, sent.fields)
        wanted = WantedEnrolment(
            user_id=fields.user_id,
            store=fields.store,
            replace=fields.replace,
            allow_spoofed=fields.allow_spoofed,
            consent=fields.consent,
        )
        voices = Services.of(request.scope).voiceprints
        return _enrolled(await voices.enrol(key.tenant_id, key.id, media, wanted))


@router.post(
    VOICE_VERIFY,
    summary="Verify a voice",
    response_model=VerifyBody,
    responses=_answers(_VERIFY_EXAMPLE, *_UPLOAD, 404, 409),
    openapi_extra=_upload(VerifyFields),
)
async def verify(request: Request) -> VerifyBody:
    """Compares with `voice_vector` or with the voiceprint of `user_id`; never matches a spoof."""
    key = _key(request, Scope.VOICE)
    voices = Services.of(request.scope).voiceprints
    async with _recording(request) as (sent, media):
        fields = validated(VerifyFields, sent.fields)
        if fields.voice_vector is not None:
            vector = _vector(fields.voice_vector)
            return _verified(await voices.verify_vector(media, vector))
        if fields.user_id is None:
            raise InvalidRequest("voice_vector or user_id is needed")
        return _verified(await voices.verify_user(key.tenant_id, key.id, media, fields.user_id))


@router.post(
    VOICE_IDENTIFY,
    summary="Identify a voice",
    response_model=IdentifyBody,
    responses=_answers(_IDENTIFY_EXAMPLE, *_UPLOAD, 404),
    openapi_extra=_upload(IdentifyFields),
)
async def identify(request: Request) -> IdentifyBody:
    """Compares with all stored voiceprints, or with those of `user_ids`."""
    key = _key(request, Scope.VOICE)
    async with _recording(request) as (sent, media):
        fields = validated(IdentifyFields, sent.fields)
        users = () if fields.user_ids is None else _users(fields.user_ids)
        voices = Services.of(request.scope).voiceprints
        found = await voices.identify(key.tenant_id, key.id, media, users)
    return IdentifyBody(
        user_id=found.candidates[0].name if found.ruling.is_match else None,
        decision=found.ruling.decision,
        reason=found.ruling.doubt,
        threshold=round(found.point.threshold, DECIMALS),
        candidates=[_candidate(candidate) for candidate in found.candidates[: fields.limit]],
        compared=len(found.candidates),
        processing_time=round(found.processing_time, 3),
        model_version=found.model_id,
        deepfake=_deepfake(found.analysis),
    )


@router.get(
    "/v1/voiceid/voiceprints",
    summary="List stored voiceprints",
    response_model=VoiceprintsBody,
    responses=_answers({"voiceprints": [_VOICEPRINT_EXAMPLE]}),
    openapi_extra={"security": KEY_SECURITY},
)
async def list_voiceprints(request: Request) -> VoiceprintsBody:
    """The voiceprints of the key's owner, without their vectors."""
    key = _key(request, Scope.VOICE)
    voices = Services.of(request.scope).voiceprints
    stored = await voices.list(key.tenant_id, key.id)
    return VoiceprintsBody(voiceprints=[_voiceprint(v, voices.model_id) for v in stored])


@router.get(
    "/v1/voiceid/voiceprints/{user_id:path}",
    summary="Look up a voiceprint",
    response_model=VoiceprintBody,
    responses=_answers(_VOICEPRINT_EXAMPLE, 404),
    openapi_extra={"security": KEY_SECURITY},
)
async def get_voiceprint(request: Request, user_id: str) -> VoiceprintBody:
    """What is kept of a user, without the vectors."""
    key = _key(request, Scope.VOICE)
    voices = Services.of(request.scope).voiceprints
    return _voiceprint(await voices.get(key.tenant_id, key.id, user_id), voices.model_id)


@router.delete(
    "/v1/voiceid/voiceprints",
    summary="Erase all voiceprints",
    response_model=ErasureBody,
    responses=_answers(_ERASURE_EXAMPLE),
    openapi_extra={"security": KEY_SECURITY},
)
async def erase_voiceprints(request: Request) -> ErasureBody:
    """The keys of everybody are destroyed: nothing can be read again, in no backup either."""
    key = _key(request, Scope.VOICE_ERASE)
    voices = Services.of(request.scope).voiceprints
    return _receipt(await voices.erase_all(key.tenant_id, key.id))


@router.delete(
    "/v1/voiceid/voiceprints/{user_id:path}",
    summary="Erase a voiceprint",
    response_model=ErasureBody,
    responses=_answers(_ERASURE_EXAMPLE, 404),
    openapi_extra={"security": KEY_SECURITY},
)
async def erase_voiceprint(request: Request, user_id: str) -> ErasureBody:
    """The user's key is destroyed: nothing can be read again, in no backup either."""
    key = _key(request, Scope.VOICE_ERASE)
    voices = Services.of(request.scope).voiceprints
    return _receipt(await voices.erase(key.tenant_id, key.id, user_id))


@asynccontextmanager
async def _recording(request: Request) -> AsyncGenerator[tuple[Submission, BinaryIO]]:
    """What was sent, and the recording in it. Raises MissingFile."""
    async with submission(request, FILE_FIELD) as sent:
        if sent.media is None:
            raise missing_file(FILE_FIELD)
        yield sent, sent.media


def _key(request: Request, scope: Scope) -> ApiKey:
    """The caller's key. Raises Forbidden when it lacks `scope`."""
    key = Exchange.of(request.scope).api_key
    key.require(scope)
    return key


def _vector(text: str) -> list[float]:
    """The numbers of a JSON array. Raises InvalidRequest."""
    numbers = _json_list("voice_vector", text)
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        raise InvalidRequest("voice_vector must hold numbers only")
    try:
        return [float(cast(float, number)) for number in numbers]
    except OverflowError:
        raise InvalidRequest("voice_vector holds a number that is too large") from None


def _users(text: str) -> list[str]:
    """The names in a JSON array. Raises InvalidRequest."""
    names = _json_list("user_ids", text)
    if not 1 <= len(names) <= MOST_USERS or not all(isinstance(name, str) for name in names):
        raise InvalidRequest(f"user_ids must hold 1 to {MOST_USERS} strings")
    return cast(list[str], names)


def _json_list(name: str, text: str) -> list[object]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest(f"{name} is not valid JSON") from None
    if not isinstance(content, list):
        raise InvalidRequest(f"{name} must be a JSON array")
    return cast(list[object], content)


def _enrolled(enrolled: Enrolled) -> EnrolBody:
    enrolment = enrolled.enrolment
    return EnrolBody(
        embedding=published(enrolment.embedding, enrolment.model_id),
        processing_time=round(enrolment.processing_time, 3),
        model_version=enrolment.model_id,
        deepfake_checked=True,
        deepfake=_deepfake(enrolment.analysis),
        quality=_quality(enrolment.quality),
        user_id=enrolled.user_id,
        stored=enrolled.stored,
    )


def _quality(quality: EnrolmentQuality) -> QualityBody:
    return QualityBody(
        net_speech_seconds=round(quality.net_speech, 2),
        snr_db=None if quality.snr_db is None else round(quality.snr_db, 1),
        clipping_ratio=round(quality.clipping_ratio, DECIMALS),
        single_speaker=quality.single_speaker,
        accepted=quality.accepted,
        reasons=list(quality.flaws),
    )


def _verified(verification: Verification) -> VerifyBody:
    comparison, ruling = verification.comparison, verification.ruling
    threshold = verification.point.threshold
    deepfake = _deepfake(verification.analysis)
    return VerifyBody(
        is_match=ruling.is_match,
        similarity_score=_similarity(comparison.cosine),
        confidence_score=round(match_probability(comparison.llr, threshold), DECIMALS),
        processing_time=round(verification.processing_time, 3),
        model_version=verification.model_id,
        deepfake_score=deepfake.score if deepfake.result in SPOOFS else None,
        threshold=round(threshold, DECIMALS),
        llr=round(comparison.llr, DECIMALS),
        decision=ruling.decision,
        reason=ruling.doubt,
        deepfake=deepfake,
    )


def _candidate(candidate: Candidate) -> CandidateBody:
    comparison = candidate.comparison
    return CandidateBody(
        user_id=candidate.name,
        similarity_score=_similarity(comparison.cosine),
        llr=round(comparison.llr, DECIMALS),
    )


def _similarity(cosine: float) -> float:
    return round((cosine + 1.0) / 2.0, DECIMALS)


def _deepfake(analysis: Analysis) -> DeepfakeBody:
    verdict = analysis.verdict
    llr = verdict.spoof_llr
    return DeepfakeBody(
        checked=verdict.result is not None,
        score=None if llr is None else round(spoof_probability(llr), DECIMALS),
        result=verdict.result,
        reason=verdict.reason,
    )


def _voiceprint(voiceprint: Voiceprint, model_id: str | None) -> VoiceprintBody:
    return VoiceprintBody(
        user_id=voiceprint.user_id,
        created_at=voiceprint.created_at,
        updated_at=voiceprint.updated_at,
        consent=voiceprint.consent,
        usable=model_id is not None and voiceprint.embedding(model_id) is not None,
        references=[
            ReferenceBody(
                model_version=reference.model_id,
                created_at=reference.created_at,
                net_speech_seconds=round(reference.net_speech, 2),
            )
            for reference in voiceprint.references
        ],
    )


def _receipt(erasure: Erasure) -> ErasureBody:
    return ErasureBody(
        receipt_id=erasure.receipt_id,
        erased_at=erasure.erased_at,
        subjects=erasure.subjects,
        audit_entry=erasure.entry,
        audit_digest=erasure.digest.hex(),
    )
