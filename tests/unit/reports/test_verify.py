import hashlib
import io
import json
from dataclasses import replace

import pytest

from tests.report_factory import KEY, MOMENT, make_prediction, rated_card
from veravox.errors import InvalidRequest
from veravox.predictions import file_facts
from veravox.reports.compose import compose
from veravox.reports.envelope import signed, to_json
from veravox.reports.jwks import key_set, read_keys
from veravox.reports.keys import KnownKey
from veravox.reports.verify import Outcome, check
from veravox.security import SigningKey

RECORDING = b"the bytes of a recording" * 99
OTHER = SigningKey(b"another secret")


def content() -> bytes:
    made = make_prediction()
    custody = replace(made.custody, file=file_facts(io.BytesIO(RECORDING)))
    return to_json(signed(compose(replace(made, custody=custody), None, rated_card()), KEY))


def test_everything_holds_of_a_report_with_its_key_and_its_recording() -> None:
    checked = check(content(), [OTHER.public, KEY.public], io.BytesIO(RECORDING))
    assert checked.outcome is Outcome.GOOD
    assert [finding.what for finding in checked.findings] == ["contents", "signer", "recording"]


def test_another_recording_is_noticed() -> None:
    checked = check(content(), [KEY.public], io.BytesIO(RECORDING + b"."))
    assert checked.outcome is Outcome.BAD


def test_without_a_trusted_key_it_is_not_known_who_signed() -> None:
    assert check(content()).outcome is Outcome.UNKNOWN


def test_a_key_that_is_not_trusted_is_bad() -> None:
    assert check(content(), [OTHER.public]).outcome is Outcome.BAD


def test_an_altered_report_is_bad_whatever_else_holds() -> None:
    body = json.loads(content())
    body["report"]["verdict"]["headline"] = "No sign of synthetic speech was found"
    assert check(json.dumps(body).encode(), [KEY.public]).outcome is Outcome.BAD


def test_published_keys_are_read_back() -> None:
    published = key_set([KnownKey(KEY.public, MOMENT), KnownKey(OTHER.public, MOMENT)])
    assert read_keys(json.dumps(published).encode()) == [KEY.public, OTHER.public]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": [{"crv": "Ed25519", "x": "AA"}]}'])
def test_other_files_are_no_keys(text: str) -> None:
    with pytest.raises(InvalidRequest, match="JWKS"):
        read_keys(text.encode())


def test_facts_are_those_of_all_bytes_and_leave_the_file_at_its_start() -> None:
    file = io.BytesIO(RECORDING * 2_000)
    facts = file_facts(file)
    assert facts.size == len(file.getvalue())
    assert facts.sha256 == hashlib.sha256(file.getvalue()).hexdigest()
    assert facts.sha512 == hashlib.sha512(file.getvalue()).hexdigest()
    assert file.tell() == 0
