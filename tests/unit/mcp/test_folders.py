"""Nothing but regular files below the allowed folders can be opened."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from veravox.errors import InvalidRequest, NotFound, VeravoxError
from veravox.mcp.folders import AllowedFolders


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    (folder / "deeper").mkdir(parents=True)
    (folder / "call.wav").write_bytes(b"call")
    (folder / "deeper" / "call.wav").write_bytes(b"deeper call")
    (tmp_path / "secret.wav").write_bytes(b"secret")
    return folder


def content(folder: Path, path: str) -> bytes:
    with AllowedFolders([folder]).open(path) as file:
        return file.read()


def test_a_file_is_opened_by_either_kind_of_path(allowed: Path) -> None:
    assert content(allowed, "call.wav") == b"call"
    assert content(allowed, "deeper/call.wav") == b"deeper call"
    assert content(allowed, str(allowed / "call.wav")) == b"call"


def test_the_first_folder_that_has_the_file_is_meant(allowed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with AllowedFolders([other, allowed]).open("call.wav") as file:
        assert file.read() == b"call"


def test_the_allowed_folder_itself_may_be_a_link(allowed: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(allowed)

    assert content(link, "call.wav") == b"call"


@pytest.mark.parametrize(
    "path",
    ["../secret.wav", "deeper/../../secret.wav", "{outside}/secret.wav", "", ".", "deeper", "a\0b"],
)
def test_no_other_path_leads_anywhere(allowed: Path, path: str) -> None:
    with pytest.raises(InvalidRequest):
        content(allowed, path.format(outside=allowed.parent))


def test_links_are_not_followed(allowed: Path) -> None:
    (allowed / "link.wav").symlink_to(allowed.parent / "secret.wav")
    (allowed / "up").symlink_to(allowed.parent)
    (allowed / "inner.wav").symlink_to(allowed / "call.wav")

    for path in ("link.wav", "up/secret.wav", "inner.wav", str(allowed / "up" / "secret.wav")):
        with pytest.raises(InvalidRequest):
            content(allowed, path)


def test_a_pipe_is_not_waited_for(allowed: Path) -> None:
    os.mkfifo(allowed / "pipe.wav")

    with pytest.raises(InvalidRequest):
        content(allowed, "pipe.wav")


def test_what_is_not_there_is_not_found(allowed: Path) -> None:
    with pytest.raises(NotFound):
        content(allowed, "nothing.wav")


def test_a_file_is_no_folder(allowed: Path) -> None:
    with pytest.raises(InvalidRequest, match="no folder"):
        AllowedFolders([allowed / "call.wav"])


@given(st.lists(st.sampled_from(["..", ".", "/", "deeper", "up", "secret.wav", "\0", "~"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_combination_of_parts_reaches_a_secret(allowed: Path, parts: list[str]) -> None:
    if not (allowed / "up").is_symlink():
        (allowed / "up").symlink_to(allowed.parent)
    try:
        assert content(allowed, "/".join(parts)) != b"secret"
    except VeravoxError:
        return
