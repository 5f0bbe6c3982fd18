"""Deleting recordings whose time to go has come, until nothing of them can be left."""

from datetime import timedelta

import structlog
from anyio import move_on_after

from veravox.db import Database, database_now
from veravox.errors import StorageUnavailable
from veravox.files.file import StoredFile
from veravox.files.repository import FileRepository
from veravox.storage import Storage

LATE_UPLOADS = timedelta(hours=6)
"""How long after its end an upload that began in time may still arrive."""
BATCH = 50
PATIENCE_SECONDS = 10.0

_log = structlog.get_logger(__name__)


class Disposal:
    """Deletes what is due. Several may run at once."""

    def __init__(self, database: Database, storage: Storage) -> None:
        """Nothing happens before `run`."""
        self._database = database
        self._storage = storage
        self._files = FileRepository()

    async def run(self) -> None:
        """Delete what is due by now, as far as the storage answers; the rest stays due."""
        async with self._database.transaction() as session:
            now = await database_now(session)
            due = await self._files.due(session, now, BATCH)
        with move_on_after(PATIENCE_SECONDS):
            for file in due:
                try:
                    await self._delete(file)
                except StorageUnavailable as error:
                    _log.warning("a recording cannot be deleted yet", reason=error.message)
                    return

    async def _delete(self, file: StoredFile) -> None:
        if file.upload_id is not None:
            await self._storage.drop_parts(file.id, file.upload_id)
        await self._storage.delete(file.id)
        async with self._database.transaction() as session:
            now = await database_now(session)
            end = file.expires_at + LATE_UPLOADS
            again_at = end if now < end else None
            await self._files.deleted(session, file, now, again_at)
