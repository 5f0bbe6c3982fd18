import json
from importlib.resources import files
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from tests.report_factory import KEY, make_report
from veravox.errors import InvalidRequest
from veravox.reports.envelope import read, signed, to_json
from veravox.security import SigningKey
from veravox.security.signing import decoded

CONTENT = to_json(signed(make_report(), KEY))


def altered(change: Any) -> bytes:
    body = json.loads(CONTENT)
    change(body)
    return json.dumps(body).encode()


def leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all single values in a JSON document."""
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]
    if isinstance(node, list):
        return [leaf for i, value in enumerate(node) for leaf in leaves(value, (*path, i))]
    return [path]


def holds(content: bytes) -> bool:
    try:
        return read(content).genuine
    except InvalidRequest:
        return False


LEAVES = list(leaves(json.loads(CONTENT)["report"]))


def test_a_signed_report_reads_back_as_it_was() -> None:
    found = read(CONTENT)
    assert found.genuine
    assert found.key == KEY.public
    assert found.report == make_report()


def test_signing_again_gives_the_same_bytes() -> None:
    assert to_json(signed(make_report(), KEY)) == CONTENT


def test_anybody_can_check_the_signature_with_standard_tools() -> None:
    body = json.loads(CONTENT)
    key = Ed25519PublicKey.from_public_bytes(decoded(body["signature"]["public_key"]))
    key.verify(decoded(body["signature"]["value"]), rfc8785.dumps(body["report"]))


def test_formatting_does_not_matter() -> None:
    assert read(json.dumps(json.loads(CONTENT), sort_keys=True).encode()).genuine


@given(st.sampled_from(LEAVES))
def test_changing_any_value_is_noticed(path: tuple[Any, ...]) -> None:
    def change(body: Any) -> None:
        node = body["report"]
        for step in path[:-1]:
            node = node[step]
        value = node[path[-1]]
        node[path[-1]] = value + 1 if isinstance(value, int | float) else f"{value}x"

    assert not holds(altered(change))


def test_a_signature_of_another_key_under_this_name_is_noticed() -> None:
    other = json.loads(to_json(signed(make_report(), SigningKey(b"another secret"))))

    def change(body: Any) -> None:
        body["signature"]["public_key"] = other["signature"]["public_key"]
        body["signature"]["value"] = other["signature"]["value"]

    assert not read(altered(change)).genuine


def test_an_added_field_is_no_report() -> None:
    with pytest.raises(InvalidRequest):
        read(altered(lambda body: body["report"].update(more=1)))


@given(st.binary(max_size=200))
def test_other_files_are_told_apart(content: bytes) -> None:
    with pytest.raises(InvalidRequest, match="no report of Veravox"):
        read(content)


def test_the_example_of_the_documentation_is_a_real_report() -> None:
    example = files("veravox.reports").joinpath("example.json").read_bytes()
    assert read(example).genuine
