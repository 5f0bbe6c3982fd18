"""Analyses of recordings."""

import time
from collections.abc import Callable, Iterator
from secrets import token_hex

from veravox_client._answers import parsed
from veravox_client._flow import Flow, exchange
from veravox_client._media import Body, Media, OnUpload, Source, open_media
from veravox_client._server import Server, put, segment
from veravox_client.errors import PredictionFailed, RateLimited, WaitTimedOut
from veravox_client.models import (
    Announced,
    FilePage,
    Prediction,
    PredictionPage,
    Result,
    Status,
    StoredPrediction,
    Upload,
)
from veravox_client.options import AnalysisOptions

MEBIBYTE = 1_048_576
SMALL_BYTES = 5 * MEBIBYTE
LARGE_BYTES = 100 * MEBIBYTE
FIRST_LOOK_SECONDS = 1.0
LAST_LOOK_SECONDS = 15.0
LOOK_GROWTH = 1.5

OnProgress = Callable[[StoredPrediction], None]
"""Is called with each state of a prediction that is waited for."""


def predict(
    server: Server,
    media: Media,
    filename: str | None,
    on_upload: OnUpload | None,
    on_progress: OnProgress | None,
    options: AnalysisOptions,
) -> Flow[Prediction]:
    """One request, or for a large recording an upload and a wait."""
    with open_media(media, filename) as source:
        if source.size > LARGE_BYTES:
            stored = yield from _submit(server, source, None, None, on_upload, options)
            return (yield from wait(server, stored.prediction_id, None, on_progress))
        path = "/v1/predict" if source.size <= SMALL_BYTES else "/v1/predict/large-file"
        request = server.form(path, _named(options), "file", source, on_upload)
        answer = yield from exchange(request, server.retries, idempotent=True, busy=409)
        return parsed(Prediction, answer)


def predict_url(server: Server, url: str, options: AnalysisOptions) -> Flow[Prediction]:
    """A recording that the server fetches."""
    fields = {"presigned_url": url, **_named(options)}
    request = server.plain("POST", "/v1/predict", json=fields)
    answer = yield from exchange(request, server.retries, idempotent=True, busy=409)
    return parsed(Prediction, answer)


def submit(
    server: Server,
    media: Media,
    filename: str | None,
    content_type: str | None,
    webhook_url: str | None,
    on_upload: OnUpload | None,
    options: AnalysisOptions,
) -> Flow[StoredPrediction]:
    """An upload; the analysis goes on by itself."""
    with open_media(media, filename) as source:
        return (yield from _submit(server, source, content_type, webhook_url, on_upload, options))


def _submit(
    server: Server,
    source: Source,
    content_type: str | None,
    webhook_url: str | None,
    on_upload: OnUpload | None,
    options: AnalysisOptions,
) -> Flow[StoredPrediction]:
    fields = {
        "filename": source.name,
        "size": source.size,
        "content_type": content_type,
        "webhook_url": webhook_url,
        **_named(options),
    }
    request = server.plain("POST", "/v1/file", json=fields)
    answer = yield from exchange(request, server.retries, idempotent=True)
    announced = parsed(Announced, answer)
    if announced.upload is None:
        return (yield from look(server, announced.prediction_id))
    yield from _upload(server, announced.upload, source, on_upload)
    path = f"/v1/predictions/{segment(announced.prediction_id)}/start"
    answer = yield from exchange(server.plain("POST", path), server.retries, idempotent=True)
    return parsed(StoredPrediction, answer)


def _upload(
    server: Server, upload: Upload, source: Source, on_upload: OnUpload | None
) -> Flow[None]:
    """Every part, one after the other; a part that was taken before is passed over."""
    pieces = [(upload.url, source.size)] if upload.url else []
    offset = 0
    for url, size in pieces or [(part.url, part.size) for part in upload.parts]:
        body = Body(_blocks(source, offset, size), on_upload, offset, source.size)
        request = put(url, upload.headers, body, size)
        yield from exchange(request, server.retries, idempotent=True, done=409)
        offset += size


def _blocks(source: Source, offset: int, size: int) -> Callable[[], Iterator[bytes]]:
    return lambda: source.blocks(offset, size)


def wait(
    server: Server,
    prediction_id: str,
    give_up_after: float | None,
    on_progress: OnProgress | None,
) -> Flow[Prediction]:
    """The result, looked for less and less often. Raises PredictionFailed, WaitTimedOut."""
    started = time.monotonic()
    delay, pause = 0.0, FIRST_LOOK_SECONDS
    stored: StoredPrediction | None = None
    while True:
        try:
            stored = yield from look(server, prediction_id, delay)
        except RateLimited as error:
            if give_up_after is not None and time.monotonic() - started > give_up_after:
                raise
            delay = error.retry_after or LAST_LOOK_SECONDS
            continue
        if on_progress is not None:
            on_progress(stored)
        if stored.finished:
            break
        waited = time.monotonic() - started
        if give_up_after is not None and waited >= give_up_after:
            raise WaitTimedOut(stored, waited)
        delay = pause if give_up_after is None else min(pause, give_up_after - waited)
        pause = min(LAST_LOOK_SECONDS, pause * LOOK_GROWTH)
    if stored.result is None:
        raise PredictionFailed(stored)
    return stored.result


def look(server: Server, prediction_id: str, delay: float = 0.0) -> Flow[StoredPrediction]:
    """A prediction as it stands, after `delay` seconds."""
    request = server.plain("GET", f"/v1/predictions/{segment(prediction_id)}")
    answer = yield from exchange(request, server.retries, idempotent=True, delay=delay)
    return parsed(StoredPrediction, answer)


def page(
    server: Server,
    status: Status | None,
    result: Result | None,
    cursor: str | None,
) -> Flow[PredictionPage]:
    """Predictions from `cursor` on."""
    params = {"limit": 100, "status": status, "result": result, "cursor": cursor}
    request = server.plain("GET", "/v1/predictions", params=params)
    answer = yield from exchange(request, server.retries, idempotent=True)
    return parsed(PredictionPage, answer)


def cancel(server: Server, prediction_id: str) -> Flow[StoredPrediction]:
    """The end of an analysis."""
    request = server.plain("POST", f"/v1/predictions/{segment(prediction_id)}/cancel")
    answer = yield from exchange(request, server.retries, idempotent=True)
    return parsed(StoredPrediction, answer)


def delete(server: Server, prediction_id: str) -> Flow[None]:
    """Nothing is left of a prediction."""
    request = server.plain("DELETE", f"/v1/predictions/{segment(prediction_id)}")
    yield from exchange(request, server.retries, idempotent=True, done=404)


def file_page(server: Server, key_prefix: str, cursor: str | None) -> Flow[FilePage]:
    """Kept recordings from `cursor` on."""
    params = {"key_prefix": key_prefix, "entity": "analysis", "cursor": cursor}
    request = server.plain("GET", "/v1/file", params=params)
    answer = yield from exchange(request, server.retries, idempotent=True)
    return parsed(FilePage, answer)


def delete_file(server: Server, key: str) -> Flow[None]:
    """Nothing is left of a recording."""
    request = server.plain("DELETE", "/v1/file", params={"key": key})
    yield from exchange(request, server.retries, idempotent=True, done=404)


def _named(options: AnalysisOptions) -> AnalysisOptions:
    """With a prediction id, so that a repeated request is recognised and nothing is done twice."""
    if options.get("prediction_id") is not None:
        return options
    return {**options, "prediction_id": f"pred_{token_hex(12)}"}
