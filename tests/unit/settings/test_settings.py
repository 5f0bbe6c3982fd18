from pathlib import Path

import pytest

from veravox.settings import InvalidSettings, Settings, load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VERAVOX_CONFIG", raising=False)
    return tmp_path


def test_the_documented_upload_limits_are_the_defaults() -> None:
    settings = load_settings()
    assert settings.max_upload_v1_mb == 5
    assert settings.max_upload_v1_large_mb == 100
    assert settings.max_upload_v0_mb == 50
    assert settings.max_upload_neural_defend_mb == 500


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "veravox.toml").write_text('port = 1001\nhost = "0.0.0.0"\nworkers = 3\n')
    monkeypatch.setenv("VERAVOX_PORT", "1002")
    monkeypatch.setenv("VERAVOX_HOST", "::1")
    settings = load_settings(port=1003, host=None)
    assert (settings.port, settings.host, settings.workers) == (1003, "::1", 3)


def test_veravox_config_names_the_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "veravox.toml").write_text("port = 1001\n")
    (elsewhere / "other.toml").write_text("port = 1002\n")
    monkeypatch.setenv("VERAVOX_CONFIG", "other.toml")
    assert load_settings().port == 1002
    monkeypatch.setenv("VERAVOX_CONFIG", "absent.toml")
    with pytest.raises(InvalidSettings, match=r"absent\.toml"):
        load_settings()


def test_unknown_keys_of_the_file_are_all_named(elsewhere: Path) -> None:
    (elsewhere / "veravox.toml").write_text("prot = 1\n[server]\nport = 2\n")
    with pytest.raises(InvalidSettings) as refusal:
        load_settings()
    assert str(refusal.value) == "prot: unknown setting\nserver: unknown setting"


def test_a_file_that_is_not_toml_is_an_error_that_names_it(elsewhere: Path) -> None:
    (elsewhere / "veravox.toml").write_text("port: 8000\n")
    with pytest.raises(InvalidSettings, match=r"veravox\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("WORKERS", "0"),
        ("MAX_UPLOAD_V1_MB", "0"),
        ("NO_SPEECH_STATUS", "404"),
        ("CONFIDENCE_SEMANTICS", "truth"),
        ("LOG_LEVEL", "loud"),
        ("QUEUE_LIMIT", "-1"),
        ("SECRET_KEY", "too short"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"VERAVOX_{name}", value)
    with pytest.raises(InvalidSettings, match=f"^{name.lower()}: ") as refusal:
        load_settings()
    assert value not in str(refusal.value).partition(":")[2] or name != "SECRET_KEY"


def test_lists_are_comma_separated_in_the_environment_and_arrays_in_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERAVOX_CORS_ORIGINS", "https://a.example, https://b.example")
    (elsewhere / "veravox.toml").write_text('url_ingestion_hosts = ["files.example"]\n')
    settings = load_settings()
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.url_ingestion_hosts == ("files.example",)


def test_numbers_and_words_from_the_environment_are_understood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VERAVOX_NO_SPEECH_STATUS", "422")
    monkeypatch.setenv("VERAVOX_LOG_LEVEL", "WARNING")
    settings = load_settings()
    assert settings.no_speech_status == 422
    assert settings.log_level == "warning"


def test_url_ingestion_needs_the_hosts_it_may_fetch_from() -> None:
    with pytest.raises(InvalidSettings, match="url_ingestion_hosts"):
        load_settings(url_ingestion=True)
    assert load_settings(url_ingestion=True, url_ingestion_hosts=("files.example",)).url_ingestion


def test_secrets_are_not_shown_by_the_repr_of_the_settings() -> None:
    settings = load_settings(
        secret_key="s" * 40, database_url="postgresql://me:pw-x@db/x", redis_url="redis://:pw-y@r"
    )
    for secret in ("s" * 40, "pw-x", "pw-y"):
        assert secret not in repr(settings)


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
