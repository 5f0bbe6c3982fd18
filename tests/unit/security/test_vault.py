from pathlib import Path

import pytest

from veravox.security import KeyShredded, KeyVault, WrongKey, open_sealed, seal

SECRET = b"an installation's own secret, long enough"


@pytest.fixture
def vault(tmp_path: Path) -> KeyVault:
    return KeyVault(tmp_path / "keys", SECRET)


def test_a_subject_keeps_its_key(vault: KeyVault, tmp_path: Path) -> None:
    key = vault.create("tenant", "subject")
    assert vault.create("tenant", "subject") == key
    assert KeyVault(tmp_path / "keys", SECRET).get("tenant", "subject") == key


def test_every_subject_of_every_tenant_has_a_key_of_its_own(vault: KeyVault) -> None:
    keys = {vault.create(tenant, subject) for tenant in "ab" for subject in "xyz"}
    assert len(keys) == 6


def test_no_key_lies_in_the_folder_as_it_is(vault: KeyVault, tmp_path: Path) -> None:
    key = vault.create("tenant", "subject")
    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert len(files) == 2
    assert all(key not in path.read_bytes() for path in files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_a_shredded_key_is_gone(vault: KeyVault) -> None:
    vault.create("tenant", "subject")
    vault.create("tenant", "other")
    assert vault.shred("tenant", "subject")
    with pytest.raises(KeyShredded):
        vault.get("tenant", "subject")
    assert vault.get("tenant", "other")
    assert not vault.shred("tenant", "subject")


def test_a_new_key_after_shredding_is_another_one(vault: KeyVault) -> None:
    before = vault.create("tenant", "subject")
    vault.shred("tenant", "subject")
    assert vault.create("tenant", "subject") != before


def test_shredding_a_tenant_takes_every_subject_along(vault: KeyVault) -> None:
    for subject in ("one", "two"):
        vault.create("tenant", subject)
    vault.create("other", "one")
    assert vault.shred_tenant("tenant")
    for subject in ("one", "two"):
        with pytest.raises(KeyShredded):
            vault.get("tenant", subject)
    assert vault.get("other", "one")


def test_another_installation_cannot_open_the_keys(vault: KeyVault, tmp_path: Path) -> None:
    vault.create("tenant", "subject")
    with pytest.raises(WrongKey):
        KeyVault(tmp_path / "keys", b"another secret" * 4).get("tenant", "subject")


def test_a_key_moved_to_another_subject_does_not_open(vault: KeyVault, tmp_path: Path) -> None:
    vault.create("tenant", "subject")
    (file,) = (tmp_path / "keys").rglob("subject.key")
    file.rename(file.with_name("other.key"))
    with pytest.raises(WrongKey):
        vault.get("tenant", "other")


def test_sealed_data_opens_only_for_what_it_was_bound_to() -> None:
    key = bytes(range(32))
    sealed = seal(key, b"a voice", ["tenant", "subject", "model"])
    assert open_sealed(key, sealed, ["tenant", "subject", "model"]) == b"a voice"
    for names in (["tenant", "subject", "other"], ["tenant", "subjectmodel"], ["tenant"]):
        with pytest.raises(WrongKey):
            open_sealed(key, sealed, names)


@pytest.mark.parametrize("place", [0, 13, -1])
def test_altered_data_does_not_open(place: int) -> None:
    key = bytes(32)
    sealed = bytearray(seal(key, b"a voice", ["tenant"]))
    sealed[place] ^= 1
    with pytest.raises(WrongKey):
        open_sealed(key, bytes(sealed), ["tenant"])
