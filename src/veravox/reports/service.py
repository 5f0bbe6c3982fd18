"""Making reports on stored predictions."""

from functools import partial

from veravox.db import Database
from veravox.errors import Conflict
from veravox.predictions import PredictionRepository, Workbench
from veravox.reports.cards import CardArchive
from veravox.reports.compose import compose, method_of
from veravox.reports.envelope import SignedReport, signed, to_json
from veravox.reports.keys import KeyRing, KnownKey
from veravox.reports.pdf import signed_pdf
from veravox.security import SigningKey


class ReportService:
    """The reports of one installation. They are made from what is stored, each time anew."""

    def __init__(
        self,
        database: Database,
        predictions: PredictionRepository,
        workbench: Workbench,
        key: SigningKey,
    ) -> None:
        """Reports are signed under `key`; PDFs are set on `workbench`."""
        self._predictions = predictions
        self._workbench = workbench
        self._cards = CardArchive(database)
        self._ring = KeyRing(database)
        self._key = key

    async def open(self) -> None:
        """Make the public key known. To be called once, before the first report."""
        await self._ring.add(self._key.public)

    async def keys(self) -> list[KnownKey]:
        """The public keys under which reports were ever signed, the newest first."""
        return await self._ring.keys()

    async def signed(self, tenant_id: str, prediction_id: str) -> SignedReport:
        """The report on a tenant's prediction; the same prediction gives the same report.

        Raises NotFound, and Conflict where there is nothing to report on.
        """
        prediction = await self._predictions.get(tenant_id, prediction_id)
        card = await self._cards.get(method_of(prediction).card_sha256)
        if card is None:
            raise Conflict(f"The card of the model of '{prediction_id}' was not kept")
        return signed(compose(prediction, tenant_id, card), self._key)

    async def json(self, tenant_id: str, prediction_id: str) -> bytes:
        """The report as signed JSON. Raises as `signed` does."""
        return to_json(await self.signed(tenant_id, prediction_id))

    async def pdf(self, tenant_id: str, prediction_id: str) -> bytes:
        """The report as a signed PDF that carries the signed JSON.

        Raises as `signed` does, and Unavailable when too much work waits or the parts of Veravox
        that set PDFs are not installed.
        """
        report = await self.signed(tenant_id, prediction_id)
        return await self._workbench.run(partial(signed_pdf, report, self._key))
