"""The synchronous client."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx

from veravox_client._calls import predictions, vendors, voices, webhooks
from veravox_client._calls.predictions import OnProgress
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

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 600.0

T = TypeVar("T")
Page = TypeVar("Page", PredictionPage, FilePage, DeliveryPage)


class Client:
    """A server that is asked from this thread, and the key for it.

    Every call raises ConnectionFailed, an ApiError, or UnexpectedAnswer when it has no result, once
    what can be helped by asking again was asked again. It may be shared between threads.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = ANSWER_SECONDS,
        retries: Retries | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        """`timeout` is how long the server may be silent, in seconds.

        `http` is an httpx client of your own, for proxies, certificates or other timeouts; it stays
        yours to close. Raises ValueError for what can be no address or no key.
        """
        self._server = Server(base_url, api_key, retries or Retries())
        self._own = http is None
        self._http = http or httpx.Client(timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS))

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._own:
            self._http.close()

    def predict(
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
        return self._run(
            predictions.predict(self._server, media, filename, on_upload, on_progress, options)
        )

    def predict_url(self, url: str, **options: Unpack[AnalysisOptions]) -> Prediction:
        """Analyse a recording that the server fetches itself, where its operator allows that."""
        return self._run(predictions.predict_url(self._server, url, options))

    def submit(
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
        return self._run(
            predictions.submit(
                self._server, media, filename, content_type, webhook_url, on_upload, options
            )
        )

    def wait(
        self,
        prediction_id: str,
        *,
        give_up_after: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Prediction:
        """The result of a submitted analysis, waited for at most `give_up_after` seconds.

        Raises PredictionFailed when it ended without a result, and WaitTimedOut.
        """
        return self._run(predictions.wait(self._server, prediction_id, give_up_after, on_progress))

    def prediction(self, prediction_id: str) -> StoredPrediction:
        """A prediction of yours as it stands. Raises NotFound."""
        return self._run(predictions.look(self._server, prediction_id))

    def predictions(
        self, *, status: Status | None = None, result: Result | None = None
    ) -> Iterator[StoredPrediction]:
        """Your predictions, newest first; more are asked for as you go on."""
        pages = self._pages(lambda at: predictions.page(self._server, status, result, at))
        return (prediction for page in pages for prediction in page.predictions)

    def cancel_prediction(self, prediction_id: str) -> StoredPrediction:
        """End an analysis; one that is finished stays as it is. Raises NotFound."""
        return self._run(predictions.cancel(self._server, prediction_id))

    def delete_prediction(self, prediction_id: str) -> None:
        """Forget a prediction, its recording and all work on it. Raises NotFound."""
        self._run(predictions.delete(self._server, prediction_id))

    def files(self, *, key_prefix: str = "") -> Iterator[StoredFile]:
        """Your recordings that the server still keeps, newest first."""
        pages = self._pages(lambda at: predictions.file_page(self._server, key_prefix, at))
        return (file for page in pages for file in page.files)

    def delete_file(self, key: str) -> None:
        """Delete a recording, its prediction and all work on it. Raises NotFound."""
        self._run(predictions.delete_file(self._server, key))

    def enroll(
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
        return self._run(
            voices.enroll(
                self._server, media, user_id, store, replace, consent, allow_spoofed, on_upload
            )
        )

    def verify(
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
        return self._run(voices.verify(self._server, media, voice, user_id, on_upload))

    def identify(
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
        return self._run(voices.identify(self._server, media, user_ids, limit, on_upload))

    def voiceprints(self) -> tuple[Voiceprint, ...]:
        """All stored voiceprints, without their vectors."""
        return self._run(voices.listed(self._server))

    def voiceprint(self, user_id: str) -> Voiceprint:
        """What is stored of a user, without the vectors. Raises NotFound."""
        return self._run(voices.look(self._server, user_id))

    def erase_voiceprint(self, user_id: str) -> Erasure:
        """Erase what is stored of a user, for good. Raises NotFound."""
        return self._run(voices.erase(self._server, user_id))

    def erase_all_voiceprints(self) -> Erasure:
        """Erase what is stored of everybody, for good."""
        return self._run(voices.erase_all(self._server))

    def webhook_deliveries(
        self, *, status: str | None = None, prediction_id: str | None = None
    ) -> Iterator[Delivery]:
        """What your receivers were told and how they answered, newest first."""
        pages = self._pages(lambda at: webhooks.page(self._server, status, prediction_id, at))
        return (delivery for page in pages for delivery in page.deliveries)

    def replay_webhook(self, delivery_id: str) -> Delivery:
        """Send a webhook again. Raises NotFound."""
        return self._run(webhooks.replay(self._server, delivery_id))

    def stream(
        self, audio: Iterable[bytes], audio_format: AudioFormat | None = None
    ) -> Iterator[StreamEvent]:
        """Have audio judged while it goes on: `audio` is sent as fast as it comes.

        Each item holds whole samples, or one Opus packet, of at most a megabyte. The answers end
        with a StreamResult. Nothing is repeated. Needs the extra `stream`.
        """
        from veravox_client._stream import stream

        return stream(self._server, audio, audio_format or AudioFormat())

    def predict_v0(
        self, media: Media, *, user_id: str | None = None, on_upload: OnUpload | None = None
    ) -> ChunkPredictions:
        """Analyse a recording in the shape of Aurigin v0, which is deprecated."""
        return self._run(vendors.predict_v0(self._server, media, user_id, on_upload))

    def detect_audio(self, media: Media, *, on_upload: OnUpload | None = None) -> AudioAnalysis:
        """Analyse a recording in the shape of Neural Defend."""
        return self._run(vendors.detect_audio(self._server, media, on_upload))

    def _pages(self, page_at: Callable[[str | None], Flow[Page]]) -> Iterator[Page]:
        cursor: str | None = None
        while True:
            page = self._run(page_at(cursor))
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return

    def _run(self, flow: Flow[T]) -> T:
        """Do what the flow asks for until it has its result."""
        try:
            step = next(flow)
            while True:
                answer = self._take(step)
                if isinstance(answer, httpx.TransportError):
                    step = flow.throw(answer)
                else:
                    step = flow.send(answer)
        except StopIteration as end:
            return end.value
        finally:
            flow.close()

    def _take(self, step: Step) -> httpx.Response | httpx.TransportError:
        """The answer, or what kept it from coming; it is not raised, since it holds the key."""
        if step.delay:
            time.sleep(step.delay)
        try:
            return self._http.send(step.request)
        except httpx.TransportError as error:
            return error
