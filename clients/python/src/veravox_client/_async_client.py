"""The asynchronous client, for asyncio and trio."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx
from anyio import sleep

from veravox_client._calls import predictions, vendors, voices, webhooks
from veravox_client._calls.predictions import OnProgress
from veravox_client._client import ANSWER_SECONDS, CONNECT_SECONDS
from veravox_client._flow import Flow, Step
from veravox_client._media import Media, OnUpload
from veravox_client._server import Server
from veravox_client.models import (
    Delivery,
    DeliveryPage,
    FilePage,
    Prediction,
    PredictionPage,
    Result,
    Status,
    StoredFile,
    StoredPrediction,
)
from veravox_client.options import AnalysisOptions, Retries
from veravox_client.streams import AudioFormat, StreamEvent
from veravox_client.vendors import AudioAnalysis, ChunkPredictions
from veravox_client.voices import Enrolment, Erasure, Identification, Verification, Voiceprint

T = TypeVar("T")
Page = TypeVar("Page", PredictionPage, FilePage, DeliveryPage)


class AsyncClient:
    """A server that is asked from an event loop, and the key for it; see `Client`.

    Every call raises ConnectionFailed, an ApiError, or UnexpectedAnswer when it has no result, once
    what can be helped by asking again was asked again.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = ANSWER_SECONDS,
        retries: Retries | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """`timeout` is how long the server may be silent, in seconds.

        `http` is an httpx client of your own, for proxies, certificates or other timeouts; it stays
        yours to close. Raises ValueError for what can be no address or no key.
        """
        self._server = Server(base_url, api_key, retries or Retries())
        self._own = http is None
        self._http = http or httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS)
        )

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._own:
            await self._http.aclose()

    async def predict(
        self,
        media: Media,
        *,
        filename: str | None = None,
        on_upload: OnUpload | None = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[AnalysisOptions],
    ) -> Prediction:
        """Analyse a recording of any size and wait for the result.

        Up to 100 MB go in one request; a larger recording goes the way of `submit` and `wait`, and
        `on_progress` then hears how the analysis comes along. `media` is a path, bytes, or a
        seekable binary file. Raises OSError when it cannot be read, and PredictionFailed.
        """
        return await self._run(
            predictions.predict(self._server, media, filename, on_upload, on_progress, options)
        )

    async def predict_url(self, url: str, **options: Unpack[AnalysisOptions]) -> Prediction:
        """Analyse a recording that the server fetches itself, where its operator allows that."""
        return await self._run(predictions.predict_url(self._server, url, options))

    async def submit(
        self,
        media: Media,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        webhook_url: str | None = None,
        on_upload: OnUpload | None = None,
        **options: Unpack[AnalysisOptions],
    ) -> StoredPrediction:
        """Upload a recording of any size for an analysis that goes on without this connection.

        `webhook_url` is told of the end; otherwise ask with `wait` or `prediction`. With a
        `prediction_id` of your own an upload that broke off is done again by the same call.
        """
        return await self._run(
            predictions.submit(
                self._server, media, filename, content_type, webhook_url, on_upload, options
            )
        )

    async def wait(
        self,
        prediction_id: str,
        *,
        give_up_after: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Prediction:
        """The result of a submitted analysis, waited for at most `give_up_after` seconds.

        Raises PredictionFailed when it ended without a result, and WaitTimedOut.
        """
        return await self._run(
            predictions.wait(self._server, prediction_id, give_up_after, on_progress)
        )

    async def prediction(self, prediction_id: str) -> StoredPrediction:
        """A prediction of yours as it stands. Raises NotFound."""
        return await self._run(predictions.look(self._server, prediction_id))

    def predictions(
        self, *, status: Status | None = None, result: Result | None = None
    ) -> AsyncIterator[StoredPrediction]:
        """Your predictions, newest first; more are asked for as you go on."""
        pages = self._pages(lambda at: predictions.page(self._server, status, result, at))
        return (prediction async for page in pages for prediction in page.predictions)

    async def cancel_prediction(self, prediction_id: str) -> StoredPrediction:
        """End an analysis; one that is finished stays as it is. Raises NotFound."""
        return await self._run(predictions.cancel(self._server, prediction_id))

    async def delete_prediction(self, prediction_id: str) -> None:
        """Forget a prediction, its recording and all work on it. Raises NotFound."""
        await self._run(predictions.delete(self._server, prediction_id))

    def files(self, *, key_prefix: str = "") -> AsyncIterator[StoredFile]:
        """Your recordings that the server still keeps, newest first."""
        pages = self._pages(lambda at: predictions.file_page(self._server, key_prefix, at))
        return (file async for page in pages for file in page.files)

    async def delete_file(self, key: str) -> None:
        """Delete a recording, its prediction and all work on it. Raises NotFound."""
        await self._run(predictions.delete_file(self._server, key))

    async def enroll(
        self,
        media: Media,
        *,
        user_id: str | None = None,
        store: bool = False,
        replace: bool = False,
        consent: str | None = None,
        allow_spoofed: bool = False,
        on_upload: OnUpload | None = None,
    ) -> Enrolment:
        """Enrol a voice from at least 10 seconds of one person.

        The vector is yours to keep; with `store` the server keeps it as well, encrypted, under
        `user_id`, beside earlier ones unless you `replace` them. `consent` says where consent is
        recorded.
        """
        return await self._run(
            voices.enroll(
                self._server, media, user_id, store, replace, consent, allow_spoofed, on_upload
            )
        )

    async def verify(
        self,
        media: Media,
        *,
        voice: Enrolment | Sequence[float] | None = None,
        user_id: str | None = None,
        on_upload: OnUpload | None = None,
    ) -> Verification:
        """Whether a recording is of an enrolled voice: of `voice`, or of the stored `user_id`.

        Raises ValueError unless exactly one of them is given.
        """
        return await self._run(voices.verify(self._server, media, voice, user_id, on_upload))

    async def identify(
        self,
        media: Media,
        *,
        user_ids: Sequence[str] | None = None,
        limit: int | None = None,
        on_upload: OnUpload | None = None,
    ) -> Identification:
        """Which of the stored voices a recording is of, among `user_ids` or all.

        `limit` is the most candidates in the answer.
        """
        return await self._run(voices.identify(self._server, media, user_ids, limit, on_upload))

    async def voiceprints(self) -> tuple[Voiceprint, ...]:
        """All stored voiceprints, without their vectors."""
        return await self._run(voices.listed(self._server))

    async def voiceprint(self, user_id: str) -> Voiceprint:
        """What is stored of a user, without the vectors. Raises NotFound."""
        return await self._run(voices.look(self._server, user_id))

    async def erase_voiceprint(self, user_id: str) -> Erasure:
        """Erase what is stored of a user, for good. Raises NotFound."""
        return await self._run(voices.erase(self._server, user_id))

    async def erase_all_voiceprints(self) -> Erasure:
        """Erase what is stored of everybody, for good."""
        return await self._run(voices.erase_all(self._server))

    def webhook_deliveries(
        self, *, status: str | None = None, prediction_id: str | None = None
    ) -> AsyncIterator[Delivery]:
        """What your receivers were told and how they answered, newest first."""
        pages = self._pages(lambda at: webhooks.page(self._server, status, prediction_id, at))
        return (delivery async for page in pages for delivery in page.deliveries)

    async def replay_webhook(self, delivery_id: str) -> Delivery:
        """Send a webhook again. Raises NotFound."""
        return await self._run(webhooks.replay(self._server, delivery_id))

    def stream(
        self, audio: AsyncIterable[bytes], audio_format: AudioFormat | None = None
    ) -> AsyncIterator[StreamEvent]:
        """Have audio judged while it goes on: `audio` is sent as fast as it comes.

        Each item holds whole samples, or one Opus packet, of at most a megabyte. The answers end
        with a StreamResult. Nothing is repeated. Needs the extra `stream`, and asyncio.
        """
        from veravox_client._stream import stream_async

        return stream_async(self._server, audio, audio_format or AudioFormat())

    async def predict_v0(
        self, media: Media, *, user_id: str | None = None, on_upload: OnUpload | None = None
    ) -> ChunkPredictions:
        """Analyse a recording in the shape of Aurigin v0, which is deprecated."""
        return await self._run(vendors.predict_v0(self._server, media, user_id, on_upload))

    async def detect_audio(
        self, media: Media, *, on_upload: OnUpload | None = None
    ) -> AudioAnalysis:
        """Analyse a recording in the shape of Neural Defend."""
        return await self._run(vendors.detect_audio(self._server, media, on_upload))

    async def _pages(self, page_at: Callable[[str | None], Flow[Page]]) -> AsyncIterator[Page]:
        cursor: str | None = None
        while True:
            page = await self._run(page_at(cursor))
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _run(self, flow: Flow[T]) -> T:
        """Do what the flow asks for until it has its result."""
        try:
            step = next(flow)
            while True:
                answer = await self._take(step)
                if isinstance(answer, httpx.TransportError):
                    step = flow.throw(answer)
                else:
                    step = flow.send(answer)
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    async def _take(self, step: Step) -> httpx.Response | httpx.TransportError:
        """The answer, or what kept it from coming; it is not raised, since it holds the key."""
        if step.delay:
            await sleep(step.delay)
        try:
            return await self._http.send(step.request)
        except httpx.TransportError as error:
            return error
