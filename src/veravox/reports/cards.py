"""The cards of all models that ever judged here, so that a report can always quote them."""

from collections.abc import Iterable

from sqlalchemy.exc import IntegrityError

from veravox.db import Database
from veravox.detection.card import ModelCard
from veravox.reports.tables import ModelCardRow


class CardArchive:
    """Cards by the SHA-256 of their text."""

    def __init__(self, database: Database) -> None:
        """Keeps them in `database`."""
        self._database = database

    async def keep(self, cards: Iterable[ModelCard]) -> None:
        """Remember cards for ever; those that are known stay as they are."""
        for card in cards:
            try:
                async with self._database.transaction() as session:
                    if await session.get(ModelCardRow, card.digest()) is None:
                        session.add(ModelCardRow(digest=card.digest(), content=card.text()))
            except IntegrityError:
                continue  # Another process was faster.

    async def get(self, digest: str) -> ModelCard | None:
        """The card with this digest."""
        async with self._database.transaction() as session:
            row = await session.get(ModelCardRow, digest)
        return None if row is None else ModelCard.model_validate_json(row.content)
