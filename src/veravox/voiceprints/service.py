"""Enrolling, verifying and identifying voices; keeping and erasing voiceprints."""

from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

from veravox.audit import Action
from veravox.errors import Conflict, InvalidRequest, NotFound, RefusedVoice, Unavailable
from veravox.predictions import Workbench
from veravox.speaker.card import SpeakerCard
from veravox.speaker.embedding import Embedding, received
from veravox.voice_analysis import Identification, Verification, VoiceAnalyser
from veravox.voiceprints.repository import VoiceprintRepository
from veravox.voiceprints.voiceprint import Enrolled, Erasure, Voiceprint, WantedEnrolment

RETRY_SECONDS = 3600


class VoiceprintService:
    """The voices of one installation. `actor` is the id of the API key that acts."""

    def __init__(
        self, repository: VoiceprintRepository, workbench: Workbench, voices: VoiceAnalyser | None
    ) -> None:
        """Recordings are worked on by `workbench`; voiceprints go to `repository`.

        Without `voices` what is stored can be looked at and erased, and nothing compared.
        """
        self._repository = repository
        self._workbench = workbench
        self._installed = voices

    @property
    def model_id(self) -> str | None:
        """The encoder's id, None when none is installed."""
        return None if self._installed is None else self._installed.card.id

    @property
    def card(self) -> SpeakerCard | None:
        """The encoder's card, None when none is installed."""
        return None if self._installed is None else self._installed.card

    @property
    def _voices(self) -> VoiceAnalyser:
        if self._installed is None:
            raise Unavailable("No speaker encoder is installed on this server", RETRY_SECONDS)
        return self._installed

    async def enrol(
        self, tenant_id: str, actor: str, media: BinaryIO, wanted: WantedEnrolment
    ) -> Enrolled:
        """The voice in `media`, a seekable file at its start, kept if that is wanted.

        Raises InvalidRequest for a voice to store without a user id, RefusedVoice when the
        recording is spoofed or, to be stored, not good enough, and what VoiceAnalyser.enrol does.
        """
        if wanted.store and wanted.user_id is None:
            raise InvalidRequest("store needs a user_id")
        work = partial(self._voices.enrol, media, allow_spoofed=wanted.allow_spoofed)
        enrolment = await self._workbench.run(work)
        if wanted.store and wanted.user_id is not None:
            flaws = ", ".join(enrolment.quality.flaws)
            if flaws:
                raise RefusedVoice(f"The recording is not good enough to be stored: {flaws}")
            await self._repository.add(
                tenant_id,
                actor,
                wanted.user_id,
                enrolment,
                consent=wanted.consent,
                replace=wanted.replace,
            )
        return Enrolled(enrolment, wanted.user_id, wanted.store)

    async def verify_vector(self, media: BinaryIO, vector: Sequence[float]) -> Verification:
        """Compare `media` with a vector that an enrolment gave out. Raises InvalidRequest."""
        reference = received(vector, self._voices.card.id)
        return await self._workbench.run(partial(self._voices.verify, media, reference))

    async def verify_user(
        self, tenant_id: str, actor: str, media: BinaryIO, user_id: str
    ) -> Verification:
        """Compare `media` with a stored voiceprint.

        Raises NotFound, and Conflict when it was enrolled with another model.
        """
        voiceprint = await self._repository.get(tenant_id, actor, user_id)
        reference = self._embedding(voiceprint)
        verification = await self._workbench.run(partial(self._voices.verify, media, reference))
        decision = verification.ruling.decision
        await self._repository.record(tenant_id, actor, Action.VERIFY, decision, user_id)
        return verification

    async def identify(
        self, tenant_id: str, actor: str, media: BinaryIO, user_ids: Sequence[str] = ()
    ) -> Identification:
        """Find whose voice `media` is, among `user_ids` or all stored voiceprints of the model.

        Raises NotFound when there is none to compare with.
        """
        model_id = self._voices.card.id
        stored = await self._repository.list(tenant_id, actor)
        wanted = {v.user_id: v.embedding(model_id) for v in stored}
        if user_ids:
            wanted = {name: wanted.get(name) for name in user_ids}
        references = {name: e for name, e in wanted.items() if e is not None}
        if not references:
            raise NotFound("No voiceprint of the present model is stored to compare with")
        found = await self._workbench.run(partial(self._voices.identify, media, references))
        best = found.candidates[0].name if found.ruling.is_match else None
        decision = found.ruling.decision
        await self._repository.record(tenant_id, actor, Action.IDENTIFY, decision, best)
        return found

    async def get(self, tenant_id: str, actor: str, user_id: str) -> Voiceprint:
        """The voiceprint of a user. Raises NotFound."""
        return await self._repository.get(tenant_id, actor, user_id)

    async def list(self, tenant_id: str, actor: str) -> list[Voiceprint]:
        """All voiceprints of a tenant, oldest first."""
        return await self._repository.list(tenant_id, actor)

    async def erase(self, tenant_id: str, actor: str, user_id: str) -> Erasure:
        """Erase a user for ever. Raises NotFound."""
        return await self._repository.erase(tenant_id, actor, user_id)

    async def erase_all(self, tenant_id: str, actor: str) -> Erasure:
        """Erase every user of a tenant for ever."""
        return await self._repository.erase_all(tenant_id, actor)

    def _embedding(self, voiceprint: Voiceprint) -> Embedding:
        model_id = self._voices.card.id
        embedding = voiceprint.embedding(model_id)
        if embedding is None:
            models = ", ".join(sorted({r.model_id for r in voiceprint.references}))
            raise Conflict(
                f"The voiceprint was enrolled with the model {models}, the present one is "
                f"{model_id}; enrol the voice again"
            )
        return embedding
