"""A server whose uploads may be of a megabyte at most, so that too large is quickly reached."""

from collections.abc import Iterator

import httpx
import pytest

from tests.http_factory import Server, serving, settings_for


@pytest.fixture(scope="session")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    limits = dict.fromkeys(
        (
            "max_upload_v1_mb",
            "max_upload_v1_large_mb",
            "max_upload_v0_mb",
            "max_upload_neural_defend_mb",
            "max_upload_voiceid_mb",
        ),
        1,
    )
    with serving(settings_for(tmp_path_factory.mktemp("contract"), **limits)) as server:
        yield server


@pytest.fixture
def client(small_server: Server) -> Iterator[httpx.Client]:
    with small_server.client() as client:
        yield client
