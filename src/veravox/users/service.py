"""People, their passwords, their sessions, and links that let them in once.

Secrets of sessions and links are random and stored as keyed hashes, like API keys.
"""

from datetime import UTC, datetime, timedelta
from secrets import token_hex, token_urlsafe

from anyio import CapacityLimiter, to_thread
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from veravox.db import Database
from veravox.errors import Conflict, InvalidRequest, NotFound, Unauthorized
from veravox.security import KeyHasher
from veravox.users.passwords import hash_password, matches
from veravox.users.tables import SessionRow, SignInLinkRow, UserRow
from veravox.users.user import Role, SignedIn, SignInLink, User

FIRST_NAME = "admin"
LONGEST_NAME = 100
SECRET_BYTES = 32
SESSION_LASTS = timedelta(days=7)
SESSION_IDLE = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=5)
LINK_LASTS = timedelta(hours=24)
HASHING_THREADS = 2


class UserService:
    """The people of one installation. Every call is a transaction of its own."""

    def __init__(self, database: Database, hasher: KeyHasher) -> None:
        """Secrets are hashed by `hasher` and kept in `database`."""
        self._database = database
        self._hasher = hasher
        self._limiter = CapacityLimiter(HASHING_THREADS)

    async def create(self, tenant_id: str, name: str, role: Role) -> User:
        """A new person without a password.

        Raises InvalidRequest for an unusable name and Conflict for one that is taken.
        """
        name = name.strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise InvalidRequest(f"A name must have 1 to {LONGEST_NAME} printable characters")
        row = UserRow(
            id=f"user_{token_hex(8)}",
            tenant_id=tenant_id,
            name=name,
            role=role.value,
            password=None,
            created_at=datetime.now(UTC),
            disabled_at=None,
        )
        try:
            async with self._database.transaction() as session:
                session.add(row)
        except IntegrityError:
            raise Conflict(f"The name '{name}' is taken") from None
        return _to_user(row)

    async def list(self, tenant_id: str | None = None) -> list[User]:
        """The people of a tenant, or of all tenants, oldest first."""
        query = select(UserRow).order_by(UserRow.created_at, UserRow.id)
        if tenant_id is not None:
            query = query.where(UserRow.tenant_id == tenant_id)
        async with self._database.transaction() as session:
            return [_to_user(row) for row in await session.scalars(query)]

    async def get(self, tenant_id: str | None, reference: str) -> User:
        """The person with this id or name, of this tenant unless it is None. Raises NotFound."""
        async with self._database.transaction() as session:
            return _to_user(await _find(session, tenant_id, reference))

    async def link(self, tenant_id: str | None, reference: str) -> SignInLink:
        """A link that lets a person in once and choose a password. Raises NotFound."""
        now = datetime.now(UTC)
        expires_at = now + LINK_LASTS
        token = token_urlsafe(SECRET_BYTES)
        async with self._database.transaction() as session:
            row = await _find(session, tenant_id, reference)
            await session.execute(delete(SignInLinkRow).where(SignInLinkRow.expires_at <= now))
            session.add(
                SignInLinkRow(
                    digest=self._hasher.digest(token), user_id=row.id, expires_at=expires_at
                )
            )
        return SignInLink(row.name, token, expires_at)

    async def first_link(self, tenant_id: str) -> SignInLink | None:
        """On an installation that nobody has signed in to yet, a link for its first person.

        That is an administrator of the tenant, made if need be. None once anyone has a password.
        """
        people = await self.list()
        if any(user.has_password for user in people):
            return None
        try:
            first = people[0] if people else await self.create(tenant_id, FIRST_NAME, Role.ADMIN)
        except Conflict:
            first = await self.get(None, FIRST_NAME)
        return await self.link(None, first.id)

    async def owner_of(self, link_token: str) -> User:
        """Whom a sign-in link is for. Raises Unauthorized when it is used, expired or unknown."""
        async with self._database.transaction() as session:
            return _to_user(await self._linked(session, link_token))

    async def redeem(self, link_token: str, password: str) -> SignedIn:
        """Use a link up: the password is set and the person signed in; other sessions end.

        Raises Unauthorized for a link that does not work any more, InvalidRequest for a password
        that is too short or too long.
        """
        hashed = await to_thread.run_sync(hash_password, password, limiter=self._limiter)
        async with self._database.transaction() as session:
            row = await self._linked(session, link_token)
            row.password = hashed
            await _forget(session, row.id)
            return await self._begin(session, row)

    async def sign_in(self, name: str, password: str) -> SignedIn:
        """A new session for the right name and password. Raises Unauthorized otherwise."""
        async with self._database.transaction() as session:
            row = await session.scalar(select(UserRow).where(UserRow.name == name.strip()))
        stored = row.password if row is not None and row.disabled_at is None else None
        right = await to_thread.run_sync(matches, password, stored, limiter=self._limiter)
        if row is None or not right:
            raise Unauthorized("The name or the password is wrong")
        async with self._database.transaction() as session:
            return await self._begin(session, row)

    async def admit(self, name: str) -> SignedIn:
        """A new session for a person whom an identity provider vouches for.

        Raises Unauthorized for one who has no account or a disabled one.
        """
        async with self._database.transaction() as session:
            row = await session.scalar(
                select(UserRow).where(UserRow.name == name, UserRow.disabled_at.is_(None))
            )
            if row is None:
                raise Unauthorized(f"'{name}' has no account here; ask an administrator for one")
            return await self._begin(session, row)

    async def change_password(self, user_id: str, present: str, new: str) -> SignedIn:
        """Set another password; all sessions end and a new one begins.

        Raises Unauthorized when `present` is wrong, InvalidRequest for an unusable new one.
        """
        user = await self.get(None, user_id)
        await self.sign_in(user.name, present)
        hashed = await to_thread.run_sync(hash_password, new, limiter=self._limiter)
        async with self._database.transaction() as session:
            row = await _find(session, None, user_id)
            row.password = hashed
            await _forget(session, row.id)
            return await self._begin(session, row)

    async def session(self, token: str) -> User | None:
        """Whose session this is; None when it has ended, was idle too long, or never was."""
        now = datetime.now(UTC)
        digest = self._hasher.digest(token)
        async with self._database.transaction() as session:
            found = await session.execute(
                select(SessionRow, UserRow)
                .join(UserRow, UserRow.id == SessionRow.user_id)
                .where(
                    SessionRow.digest == digest,
                    SessionRow.expires_at > now,
                    SessionRow.seen_at > now - SESSION_IDLE,
                    UserRow.disabled_at.is_(None),
                )
            )
            pair = found.one_or_none()
            if pair is None:
                return None
            if pair[0].seen_at < now - SEEN_EVERY:
                await session.execute(
                    update(SessionRow).where(SessionRow.digest == digest).values(seen_at=now)
                )
            return _to_user(pair[1])

    async def sign_out(self, token: str) -> None:
        """End a session."""
        async with self._database.transaction() as session:
            digest = self._hasher.digest(token)
            await session.execute(delete(SessionRow).where(SessionRow.digest == digest))

    async def disable(self, tenant_id: str | None, reference: str) -> User:
        """Keep a person out from now on. Raises NotFound, and Conflict for the last administrator.

        A second time keeps the first time's moment.
        """
        async with self._database.transaction() as session:
            row = await _find(session, tenant_id, reference)
            if row.role == Role.ADMIN and row.disabled_at is None:
                await _ensure_another_admin(session, row)
            row.disabled_at = row.disabled_at or datetime.now(UTC)
            await _forget(session, row.id)
            return _to_user(row)

    async def enable(self, tenant_id: str | None, reference: str) -> User:
        """Let a disabled person in again. Raises NotFound."""
        async with self._database.transaction() as session:
            row = await _find(session, tenant_id, reference)
            row.disabled_at = None
            return _to_user(row)

    def form_token(self, token: str) -> str:
        """What the forms of a session carry, so that no other site can make them up."""
        return self._hasher.digest(f"form {token}").hex()

    async def _begin(self, session: AsyncSession, row: UserRow) -> SignedIn:
        """A new session; those of anyone that are over are cleared away on the occasion."""
        now = datetime.now(UTC)
        await session.execute(delete(SessionRow).where(SessionRow.expires_at <= now))
        token = token_urlsafe(SECRET_BYTES)
        session.add(
            SessionRow(
                digest=self._hasher.digest(token),
                user_id=row.id,
                created_at=now,
                seen_at=now,
                expires_at=now + SESSION_LASTS,
            )
        )
        return SignedIn(_to_user(row), token, now + SESSION_LASTS)

    async def _linked(self, session: AsyncSession, link_token: str) -> UserRow:
        row = await session.scalar(
            select(UserRow)
            .join(SignInLinkRow, SignInLinkRow.user_id == UserRow.id)
            .where(
                SignInLinkRow.digest == self._hasher.digest(link_token),
                SignInLinkRow.expires_at > datetime.now(UTC),
                UserRow.disabled_at.is_(None),
            )
        )
        if row is None:
            raise Unauthorized("This link was used before or has expired")
        return row


async def _find(session: AsyncSession, tenant_id: str | None, reference: str) -> UserRow:
    query = select(UserRow).where((UserRow.id == reference) | (UserRow.name == reference))
    if tenant_id is not None:
        query = query.where(UserRow.tenant_id == tenant_id)
    row = await session.scalar(query)
    if row is None:
        raise NotFound(f"Nobody has the name or id '{reference}'")
    return row


async def _forget(session: AsyncSession, user_id: str) -> None:
    """End all sessions and links of a person."""
    for table in (SessionRow, SignInLinkRow):
        await session.execute(delete(table).where(table.user_id == user_id))


async def _ensure_another_admin(session: AsyncSession, row: UserRow) -> None:
    others = await session.scalar(
        select(func.count())
        .select_from(UserRow)
        .where(
            UserRow.tenant_id == row.tenant_id,
            UserRow.role == Role.ADMIN.value,
            UserRow.disabled_at.is_(None),
            UserRow.id != row.id,
        )
    )
    if not others:
        raise Conflict("The last administrator cannot be disabled")


def _to_user(row: UserRow) -> User:
    return User(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        role=Role(row.role),
        has_password=row.password is not None,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )
