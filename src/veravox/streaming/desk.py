"""Where a call comes in, whatever its protocol."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from starlette.datastructures import State

from veravox.accounts import AccountService, Quota, Scope
from veravox.predictions import PredictionService
from veravox.streams import Caller, StreamService
from veravox.uploads.remote import RemoteFetcher


@dataclass(frozen=True, slots=True)
class Desk:
    """What adapters work with. `fetcher` is None while URL ingestion is off.

    `ensure_open` raises Unavailable while the server shuts down.
    """

    accounts: AccountService
    quota: Quota
    streams: StreamService
    predictions: PredictionService
    fetcher: RemoteFetcher | None
    ensure_open: Callable[[], None]

    @asynccontextmanager
    async def admitted(self, presented: str | None) -> AsyncGenerator[Caller]:
        """Who presents a key, with a place for one call of theirs while the block runs.

        Raises Unavailable, Unauthorized, Forbidden and RateLimited.
        """
        self.ensure_open()
        key = await self.accounts.authenticate(presented)
        key.require(Scope.PREDICT)
        async with self.quota.admit(key):
            yield Caller(key.tenant_id, key.id)

    @staticmethod
    def of(state: State) -> "Desk":
        """The desk of a running application."""
        return cast(Desk, state.desk)
