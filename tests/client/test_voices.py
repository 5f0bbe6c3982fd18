"""Voice ID through the client, against a real server."""

import pytest

from tests.audio_factory import spoken_file
from veravox_client import Client, InvalidRequest, NotFound

SPOKEN = spoken_file(seconds=12.0)


def test_an_enrolled_voice_is_verified_by_its_vector(client: Client) -> None:
    enrolment = client.enroll(SPOKEN)

    assert len(enrolment.embedding) == 256
    assert not enrolment.stored
    assert client.verify(SPOKEN, voice=enrolment).is_match
    assert client.verify(SPOKEN, voice=enrolment.embedding).decision == "accept"


def test_a_stored_voice_is_verified_identified_and_erased(client: Client) -> None:
    client.enroll(SPOKEN, user_id="anna/1", store=True, consent="form 12")

    assert client.verify(SPOKEN, user_id="anna/1").is_match
    assert client.identify(SPOKEN, user_ids=["anna/1"], limit=1).user_id == "anna/1"
    assert client.voiceprint("anna/1").consent == "form 12"
    assert [voiceprint.user_id for voiceprint in client.voiceprints()] == ["anna/1"]
    assert client.erase_voiceprint("anna/1").subjects == 1
    with pytest.raises(NotFound):
        client.voiceprint("anna/1")
    assert client.erase_all_voiceprints().subjects == 0


def test_too_little_audio_enrols_nobody(client: Client) -> None:
    with pytest.raises(InvalidRequest, match="minimum"):
        client.enroll(spoken_file(seconds=6.0))


def test_exactly_one_voice_is_compared_with(client: Client) -> None:
    with pytest.raises(ValueError, match="user_id"):
        client.verify(SPOKEN)
    with pytest.raises(ValueError, match="user_id"):
        client.verify(SPOKEN, voice=[1.0], user_id="anna")
