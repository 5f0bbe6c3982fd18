"""Announcing, receiving, looking up and deleting recordings of any size."""

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import token_hex

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from veravox.db import Database, database_now
from veravox.errors import Conflict, NotFound, PayloadTooLarge
from veravox.files.disposal import Disposal
from veravox.files.file import (
    CreatedFile,
    FileRequest,
    ListedFile,
    StoredFile,
    UploadPart,
    part_size,
)
from veravox.files.messages import analysis_message
from veravox.files.repository import FileRepository
from veravox.jobs import JobQueue
from veravox.predictions import (
    Failure,
    Prediction,
    PredictionQueue,
    PredictionRepository,
    Status,
)
from veravox.predictions.cursor import decode_cursor, encode_cursor
from veravox.storage import Storage, UploadTerms


@dataclass(frozen=True, slots=True)
class FileTerms:
    """What an operator allows: the size of the `largest` recording in bytes.

    `upload_within` is the time in which one must be uploaded, and that a URL to download it works.
    """

    largest: int
    upload_within: timedelta


class FileService:
    """The recordings of one installation."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        jobs: JobQueue,
        queue: PredictionQueue,
        predictions: PredictionRepository,
        terms: FileTerms,
    ) -> None:
        """Recordings lie in `storage`; their predictions wait in `queue`.

        `predictions` holds these and all others.
        """
        self._database = database
        self._storage = storage
        self._jobs = jobs
        self._queue = queue
        self._predictions = predictions
        self._files = FileRepository()
        self._disposal = Disposal(database, storage)
        self.terms = terms

    async def create(self, tenant_id: str, plan: str, request: FileRequest) -> CreatedFile:
        """Announce a recording; the answer says how to upload it.

        A `prediction_id` that was used before for the same announcement gives the same prediction,
        as far as it has come. Raises PayloadTooLarge, and Conflict when the id has another use.
        """
        if request.size is not None and request.size > self.terms.largest:
            raise PayloadTooLarge(self.terms.largest)
        prediction_id = request.prediction.prediction_id or f"pred_{token_hex(6)}"
        digest = _digest(request)
        file = await self._new_file(tenant_id, prediction_id, request)
        try:
            async with self._database.transaction() as session:
                prediction = await self._queue.add(
                    session,
                    tenant_id,
                    prediction_id,
                    digest,
                    request.prediction,
                    plan,
                    request.webhook_url,
                )
                self._files.add(session, file)
        except IntegrityError:
            if file.upload_id is not None:
                await self._storage.drop_parts(file.id, file.upload_id)
            return await self._created_before(tenant_id, prediction_id, digest)
        return CreatedFile(prediction, file.key, await self._parts(file))

    async def get(self, tenant_id: str, prediction_id: str) -> Prediction:
        """The tenant's prediction with this id, whatever it came from. Raises NotFound."""
        prediction = await self._predictions.get(tenant_id, prediction_id)
        if prediction.status is not Status.AWAITING_UPLOAD:
            return prediction
        file = await self._file(tenant_id, prediction_id)
        if file is None or not await self.look_for(file):
            return prediction
        return await self._predictions.get(tenant_id, prediction_id)

    async def start(self, tenant_id: str, prediction_id: str) -> Prediction:
        """Queue a prediction whose recording is there; once it is queued this changes nothing.

        Raises NotFound, and Conflict while the recording is not there or after it ended without a
        result.
        """
        prediction = await self.get(tenant_id, prediction_id)
        if prediction.status is Status.AWAITING_UPLOAD:
            raise Conflict(f"The recording of '{prediction_id}' has not been uploaded")
        if prediction.status in (Status.EXPIRED, Status.CANCELED, Status.FAILED):
            raise Conflict(f"The prediction '{prediction_id}' is {prediction.status}")
        return prediction

    async def cancel(self, tenant_id: str, prediction_id: str) -> Prediction:
        """End a prediction that is not finished; a finished one stays as it is.

        Raises NotFound.
        """
        async with self._database.transaction() as session:
            closed = await self._queue.close(session, tenant_id, prediction_id, Status.CANCELED)
            if closed:
                now = await database_now(session)
                await self._files.delete_at(session, tenant_id, prediction_id, now)
        await self._disposal.run()
        return await self._predictions.get(tenant_id, prediction_id)

    async def retry(self, tenant_id: str, prediction_id: str) -> Prediction:
        """Queue a failed prediction once more, if its recording is still kept. Raises Conflict."""
        async with self._database.transaction() as session:
            now = await database_now(session)
            file = await self._files.of_prediction(session, tenant_id, prediction_id, now)
            if file is None or file.arrived_at is None:
                raise Conflict(f"The recording of '{prediction_id}' is not kept any more")
            if not await self._enqueue(session, file, (Status.FAILED,)):
                raise Conflict(f"The prediction '{prediction_id}' has not failed")
            await self._files.keep(session, file.id, now)
        return await self._predictions.get(tenant_id, prediction_id)

    async def delete(self, tenant_id: str, prediction_id: str) -> None:
        """Forget a prediction, its recording and all work on it. Raises NotFound."""
        async with self._database.transaction() as session:
            now = await database_now(session)
            await self._files.delete_at(session, tenant_id, prediction_id, now)
            removed = await self._queue.remove(session, tenant_id, prediction_id)
        if not removed:
            await self._predictions.delete(tenant_id, prediction_id)
        await self._disposal.run()

    async def delete_key(self, tenant_id: str, key: str) -> None:
        """Forget the prediction that the recording `key` belongs to. Raises NotFound."""
        entity, _, rest = key.partition("/")
        prediction_id, _, name = rest.partition("/")
        file = await self._file(tenant_id, prediction_id)
        if file is None or file.key != f"{entity}/{prediction_id}/{name}":
            raise NotFound(f"No recording has the key '{key}'")
        await self.delete(tenant_id, prediction_id)

    async def list(
        self, tenant_id: str, key_prefix: str, cursor: str | None, limit: int
    ) -> tuple[list[ListedFile], str | None]:
        """The tenant's stored recordings, newest first, and the cursor of the next page.

        Raises InvalidRequest for a cursor of the caller's own making.
        """
        after = None if cursor is None else decode_cursor(cursor)
        async with self._database.transaction() as session:
            now = await database_now(session)
            found = await self._files.list(session, tenant_id, key_prefix, after, limit + 1, now)
        until = now + self.terms.upload_within
        shown = found[:limit]
        listed = [
            ListedFile(file.key, await self._storage.sign_download(file.id, until))
            for file in shown
        ]
        last = shown[-1] if len(found) > limit else None
        return listed, None if last is None else encode_cursor(last.created_at, last.id)

    async def look_for(self, file: StoredFile) -> bool:
        """Whether an awaited recording has come; then its prediction is queued.

        What is larger than allowed is not analysed: its prediction fails.
        """
        if file.upload_id is not None and not await self._storage.finish_parts(
            file.id, file.upload_id, file.part_sizes
        ):
            return False
        size = await self._storage.size(file.id)
        if size is None:
            return False
        async with self._database.transaction() as session:
            now = await database_now(session)
            new = await self._files.arrived(session, file.id, size, now)
            if new and size > self.terms.largest:
                await self._refuse(session, file)
            elif new:
                await self._enqueue(session, file, (Status.AWAITING_UPLOAD,))
            known = await self._files.get(session, file.id)
        if known is None or known.delete_at is not None:
            await self._storage.delete(file.id)
        return True

    async def awaited(self, file_id: str) -> StoredFile:
        """The recording with this key in the storage, while it may be uploaded.

        Raises NotFound, and Conflict when it has been uploaded or its time is over.
        """
        async with self._database.transaction() as session:
            file = await self._files.get(session, file_id)
            now = await database_now(session)
        if file is None:
            raise NotFound("No such upload")
        if file.arrived_at is not None or file.delete_at is not None or file.expires_at <= now:
            raise Conflict("This upload is complete or its time is over")
        return file

    async def _enqueue(
        self, session: AsyncSession, file: StoredFile, statuses: tuple[Status, ...]
    ) -> bool:
        turn = await self._queue.enqueue(session, file.tenant_id, file.prediction_id, statuses)
        if turn is None:
            return False
        await self._jobs.send(session, analysis_message(file.tenant_id, file.prediction_id, turn))
        return True

    async def _refuse(self, session: AsyncSession, file: StoredFile) -> None:
        too_large = PayloadTooLarge(self.terms.largest)
        await self._queue.close(
            session,
            file.tenant_id,
            file.prediction_id,
            Status.FAILED,
            Failure("payload_too_large", too_large.message),
        )
        now = await database_now(session)
        await self._files.delete_at(session, file.tenant_id, file.prediction_id, now)

    async def _new_file(
        self, tenant_id: str, prediction_id: str, request: FileRequest
    ) -> StoredFile:
        async with self._database.transaction() as session:
            now = await database_now(session)
        in_parts = request.size is not None and request.size > self._storage.largest_single_upload
        file = StoredFile(
            id=f"upl_{token_hex(16)}",
            tenant_id=tenant_id,
            prediction_id=prediction_id,
            name=request.name,
            size=request.size,
            content_type=request.content_type,
            upload_id=None,
            part_size=part_size(request.size) if request.size and in_parts else None,
            created_at=now,
            expires_at=now + self.terms.upload_within,
            arrived_at=None,
            delete_at=None,
        )
        if not in_parts:
            return file
        upload_id = await self._storage.begin_parts(_terms(file))
        return replace(file, upload_id=upload_id)

    async def _created_before(
        self, tenant_id: str, prediction_id: str, digest: bytes
    ) -> CreatedFile:
        async with self._database.transaction() as session:
            now = await database_now(session)
            found = await self._queue.find(session, tenant_id, prediction_id)
            file = await self._files.of_prediction(session, tenant_id, prediction_id, now)
        if found is None or found[1] != digest:
            raise Conflict(
                f"The prediction_id '{prediction_id}' was used before with another request"
            )
        if file is None or found[0].status is not Status.AWAITING_UPLOAD:
            return CreatedFile(found[0], "", ())
        return CreatedFile(found[0], file.key, await self._parts(file))

    async def _parts(self, file: StoredFile) -> tuple[UploadPart, ...]:
        terms = _terms(file)
        if file.upload_id is None:
            return (UploadPart(1, file.size, await self._storage.sign_upload(terms)),)
        parts: list[UploadPart] = []
        offset = 0
        for number, size in enumerate(file.part_sizes, start=1):
            part = replace(terms, size=size, content_type=None)
            request = await self._storage.sign_part(part, file.upload_id, number, offset)
            parts.append(UploadPart(number, size, request))
            offset += size
        return tuple(parts)

    async def _file(self, tenant_id: str, prediction_id: str) -> StoredFile | None:
        async with self._database.transaction() as session:
            now = await database_now(session)
            return await self._files.of_prediction(session, tenant_id, prediction_id, now)


def _terms(file: StoredFile) -> UploadTerms:
    return UploadTerms(file.id, file.expires_at, file.size, file.content_type)


def _digest(request: FileRequest) -> bytes:
    """SHA-256 of everything that an announcement says."""
    options = request.prediction.options
    said = (options, request.name, request.size, request.content_type, request.webhook_url)
    return hashlib.sha256(repr(said).encode()).digest()
