"""Where recordings are written down. Calls take the session of their caller's transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    and_,
    delete,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from veravox.files.file import ENTITY, StoredFile
from veravox.files.tables import FileRow


class FileRepository:
    """The recordings of one installation."""

    def add(self, session: AsyncSession, file: StoredFile) -> None:
        """Write down a new recording."""
        session.add(
            FileRow(
                id=file.id,
                tenant_id=file.tenant_id,
                prediction_id=file.prediction_id,
                name=file.name,
                size=file.size,
                content_type=file.content_type,
                upload_id=file.upload_id,
                part_size=file.part_size,
                created_at=file.created_at,
                expires_at=file.expires_at,
                arrived_at=file.arrived_at,
                looked_at=file.created_at,
                delete_at=file.delete_at,
            )
        )

    async def get(self, session: AsyncSession, file_id: str) -> StoredFile | None:
        """The recording with this key in the storage."""
        row = await session.get(FileRow, file_id)
        return None if row is None else _file(row)

    async def of_prediction(
        self, session: AsyncSession, tenant_id: str, prediction_id: str, now: datetime
    ) -> StoredFile | None:
        """The recording of a prediction, unless its time to go has come."""
        query = select(FileRow).where(
            FileRow.tenant_id == tenant_id,
            FileRow.prediction_id == prediction_id,
            _is_kept(now),
        )
        row = await session.scalar(query.order_by(FileRow.created_at.desc()).limit(1))
        return None if row is None else _file(row)

    async def arrived(self, session: AsyncSession, file_id: str, size: int, now: datetime) -> bool:
        """Note that the recording is there; False when that was known or it is to go."""
        return await _changed(
            session,
            update(FileRow)
            .where(FileRow.id == file_id, FileRow.arrived_at.is_(None), _is_kept(now))
            .values(arrived_at=now, size=size),
        )

    async def delete_at(
        self, session: AsyncSession, tenant_id: str, prediction_id: str, moment: datetime
    ) -> None:
        """Let the recording of a prediction go at `moment`, or at one that was set before."""
        await _changed(
            session,
            update(FileRow)
            .where(
                FileRow.tenant_id == tenant_id,
                FileRow.prediction_id == prediction_id,
                or_(FileRow.delete_at.is_(None), FileRow.delete_at > moment),
            )
            .values(delete_at=moment),
        )

    async def keep(self, session: AsyncSession, file_id: str, now: datetime) -> bool:
        """Let a recording stay that would go later; False when it is too late."""
        return await _changed(
            session,
            update(FileRow).where(FileRow.id == file_id, _is_kept(now)).values(delete_at=None),
        )

    async def due(self, session: AsyncSession, now: datetime, limit: int) -> list[StoredFile]:
        """Recordings whose time to go has come."""
        query = select(FileRow).where(FileRow.delete_at <= now).order_by(FileRow.delete_at)
        return [_file(row) for row in await session.scalars(query.limit(limit))]

    async def awaited(
        self, session: AsyncSession, now: datetime, pause: timedelta, limit: int
    ) -> list[StoredFile]:
        """Recordings that have not come, none of them looked for in the last `pause`."""
        query = (
            select(FileRow)
            .where(
                FileRow.arrived_at.is_(None),
                FileRow.delete_at.is_(None),
                FileRow.looked_at <= now - pause,
            )
            .order_by(FileRow.looked_at)
            .limit(limit)
        )
        rows = (await session.scalars(query)).all()
        for row in rows:
            row.looked_at = now
        return [_file(row) for row in rows]

    async def deleted(
        self, session: AsyncSession, file: StoredFile, now: datetime, again_at: datetime | None
    ) -> None:
        """Note that the storage holds a recording no more; look once more at `again_at`."""
        statement = (
            delete(FileRow)
            if again_at is None
            else update(FileRow).values(deleted_at=now, delete_at=again_at)
        )
        await session.execute(statement.where(FileRow.id == file.id))

    async def list(
        self,
        session: AsyncSession,
        tenant_id: str,
        key_prefix: str,
        after: tuple[datetime, str] | None,
        limit: int,
        now: datetime,
    ) -> Sequence[StoredFile]:
        """The tenant's stored recordings whose key begins so, newest first."""
        key = literal(f"{ENTITY}/") + FileRow.prediction_id + literal("/") + FileRow.name
        query = select(FileRow).where(
            FileRow.tenant_id == tenant_id,
            FileRow.arrived_at.is_not(None),
            _is_kept(now),
            key.startswith(key_prefix, autoescape=True),
        )
        if after is not None:
            query = query.where(tuple_(FileRow.created_at, FileRow.id) < after)
        ordered = query.order_by(FileRow.created_at.desc(), FileRow.id.desc())
        return [_file(row) for row in await session.scalars(ordered.limit(limit))]


def _is_kept(now: datetime) -> ColumnElement[bool]:
    return and_(
        FileRow.deleted_at.is_(None), or_(FileRow.delete_at.is_(None), FileRow.delete_at > now)
    )


async def _changed(session: AsyncSession, statement: Any) -> bool:
    outcome = cast(CursorResult[Any], await session.execute(statement))
    return outcome.rowcount > 0


def _file(row: FileRow) -> StoredFile:
    return StoredFile(
        id=row.id,
        tenant_id=row.tenant_id,
        prediction_id=row.prediction_id,
        name=row.name,
        size=row.size,
        content_type=row.content_type,
        upload_id=row.upload_id,
        part_size=row.part_size,
        created_at=row.created_at,
        expires_at=row.expires_at,
        arrived_at=row.arrived_at,
        delete_at=row.delete_at,
    )
