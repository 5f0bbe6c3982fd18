"""Whatever is uploaded gets a documented answer in bounded time, and the server goes on serving."""

import re

import httpx
import pytest

from tests.audio_factory import spoken_file
from tests.hostile import HOSTILE, HostileFile

LONGEST_SECONDS = 60.0
ABSOLUTE_PATH = re.compile(r"(^|\W)/\w")
WHOLE = [file for file in HOSTILE if "-of-16" not in file.name]
CUT = [file for file in HOSTILE if file.name.endswith(("-1-of-16", "-8-of-16", "-15-of-16"))]


@pytest.mark.parametrize("hostile", [*WHOLE, *CUT], ids=str)
def test_a_hostile_upload_is_answered_and_the_next_one_is_served(
    client: httpx.Client, hostile: HostileFile
):
    answer = client.post(
        "/v1/predict/large-file",
        files={"file": (hostile.filename, hostile.make())},
        timeout=LONGEST_SECONDS,
    )

    assert answer.status_code in ((200, 400, 422) if hostile.decodes else (400, 422))
    body = answer.json()
    if answer.status_code != 200:
        assert set(body) == {"error", "message", "correlation_id", "status"}
        assert not ABSOLUTE_PATH.search(body["message"])
    good = client.post("/v1/predict", files={"file": spoken_file()})
    assert good.status_code == 200
