"""Every setting of Veravox, in one place, with its meaning and its bounds.

A value comes, in this order, from the command line, an environment variable ``VERAVOX_<NAME>``,
the TOML file named by ``VERAVOX_CONFIG`` (else ``veravox.toml`` in the working directory), or the
default here. Keys of the file are the field names.
"""

import os
import tomllib
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

MEBIBYTE = 1_048_576
GIBIBYTE = 1024 * MEBIBYTE
CONFIG_VARIABLE = "VERAVOX_CONFIG"
DEFAULT_CONFIG = Path("veravox.toml")


class InvalidSettings(ValueError):
    """A setting is unknown or has a value outside its bounds; the message names it."""


def _split(value: object) -> object:
    """A comma-separated string as a list; anything else as it is."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def _number(value: object) -> object:
    """Digits as an integer, because environment variables are text."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_split)]
Megabytes = Annotated[int, Field(ge=1, le=10_000)]
ConfidenceSemantics = Annotated[Literal["label", "authenticity"], BeforeValidator(_lower)]
NoSpeechStatus = Annotated[Literal[200, 422], BeforeValidator(_number)]
LogFormat = Annotated[Literal["console", "json"], BeforeValidator(_lower)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]


class Settings(BaseSettings):
    """What an operator may choose. MB and GB mean 1,048,576 and 1,073,741,824 bytes."""

    model_config = SettingsConfigDict(
        env_prefix="VERAVOX_", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    # Server
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="TCP port to listen on; 0 picks one.")
    workers: int = Field(1, ge=1, le=256, description="Server processes.")
    shutdown_seconds: int = Field(
        30, ge=1, le=3600, description="Time that accepted requests get to finish at shutdown."
    )
    cors_origins: Names = Field(
        (), description="Web origins that browsers may call from, comma-separated; `*` for all."
    )

    # Storage
    data_dir: Path = Field(
        Path("var"),
        description="Folder for the SQLite database and the key-hashing secret.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="`postgresql://user:password@host/name` or `sqlite:///path`. "
        "Default: `veravox.db` in the data folder.",
    )
    redis_url: SecretStr | None = Field(
        None,
        description="`redis://`, `rediss://` or `unix://` URL where all workers count rate limits "
        "together. Default: each worker counts in its own memory.",
    )
    storage_url: str | None = Field(
        None,
        description="`s3://bucket` or `s3://bucket/prefix` for recordings of `/v1/file`, with "
        "credentials as boto3 finds them. Default: the folder `objects` in the data folder.",
    )
    storage_endpoint: str | None = Field(
        None, description="Address of the S3 service, such as `http://s3:8333`. Default: AWS."
    )
    storage_public_endpoint: str | None = Field(
        None,
        description="Address of the S3 service in signed URLs. "
        "Default: `VERAVOX_STORAGE_ENDPOINT`.",
    )
    public_url: str | None = Field(
        None,
        description="Address of this server in signed URLs, such as `https://voice.example.com`. "
        "Default: the one that the request was sent to.",
    )
    secret_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Secret under which API keys are hashed, at least 32 characters. "
        "Default: `secret.key` in the data folder, created on first start. "
        "Changing it makes every API key invalid.",
    )

    voiceprint_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="Secret under which the keys of voiceprints are wrapped, at least 32 "
        "characters. Default: `voiceprint.key` in the data folder, created on first start. "
        "Changing it makes every voiceprint unreadable.",
    )
    voiceprint_keys_dir: Path | None = Field(
        None,
        description="Folder of the wrapped keys of voiceprints, shared by all machines and kept "
        "out of the database's backups. Default: `voiceprint-keys` in the data folder.",
    )

    report_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="Secret from which the key that signs reports follows, at least 32 characters. "
        "Default: `report.key` in the data folder, created on first start. "
        "Changing it begins a new key; reports under the old one can still be verified.",
    )

    # Uploads
    max_upload_v1_mb: Megabytes = Field(5, description="Largest body of `POST /v1/predict`, MB.")
    max_upload_v1_large_mb: Megabytes = Field(
        100, description="Largest body of `POST /v1/predict/large-file`, MB."
    )
    max_upload_v0_mb: Megabytes = Field(
        50, description="Largest body of `POST /v0/predict` and `/api-ext/predict`, MB."
    )
    max_upload_neural_defend_mb: Megabytes = Field(
        500, description="Largest body of `POST /detect/audio`, MB."
    )
    max_file_gb: int = Field(
        50, ge=1, le=5_000, description="Largest recording of `POST /v1/file`, GB."
    )
    upload_expiry_seconds: int = Field(
        86_400,
        ge=60,
        le=604_800,
        description="Time in which a recording must be uploaded after `POST /v1/file`.",
    )
    audio_retention_seconds: int = Field(
        0,
        ge=0,
        description="Time that an uploaded recording is kept after its analysis.",
    )
    result_retention_days: int | None = Field(
        None, ge=1, description="Days that predictions are kept. Default: until they are deleted."
    )
    max_upload_voiceid_mb: Megabytes = Field(
        10, description="Largest body of the calls under `/v1/voiceid`, MB."
    )
    url_ingestion: bool = Field(
        False, description="Whether `presigned_url` is fetched by the server."
    )
    url_ingestion_hosts: Names = Field(
        (),
        description="Host names that `presigned_url` may point at, comma-separated; "
        "`*.example.com` covers subdomains. Needed when URL ingestion is on.",
    )

    # Webhooks
    webhook_hosts: Names = Field(
        (),
        description="Host names that `webhook_url` may point at, comma-separated; "
        "`*.example.com` covers subdomains, `*` all names. Default: webhooks are off.",
    )
    webhook_networks: Networks = Field(
        (),
        description="Networks that webhooks may reach besides the public internet, "
        "comma-separated, such as `10.20.0.0/16`.",
    )

    # Dashboard
    oidc_issuer: str | None = Field(
        None,
        pattern="^https?://",
        description="Address of the OpenID Connect provider that people may sign in with, such as "
        "`https://login.example.com/realms/staff`. Default: passwords only.",
    )
    oidc_client_id: str | None = Field(
        None, description="Name of this server at the OpenID Connect provider."
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="Secret of this server at the OpenID Connect provider."
    )
    oidc_claim: str = Field(
        "email",
        min_length=1,
        description="Claim of the provider that holds the name of a person's account here.",
    )
    oidc_label: str = Field(
        "single sign-on", min_length=1, description="What the sign-in page calls the provider."
    )

    # Analysis
    models_dir: Path | None = Field(
        None, description="Folder of model folders to serve. Default: the models in the package."
    )
    calibration_file: Path | None = Field(
        None,
        description="File of `veravox calibrate`, in force for the model that it was fitted on. "
        "Default: the model's own calibration.",
    )
    scoring_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
        description="Threads of each worker that run the detector. Default: one a CPU core.",
    )
    decoder_processes: int = Field(
        2, ge=1, le=64, description="Child processes of each worker that decode media."
    )
    queue_limit: int = Field(
        16,
        ge=0,
        le=10_000,
        description="Analyses that may wait in each worker for a free decoder; "
        "one more is answered 503.",
    )

    job_concurrency: int = Field(
        1,
        ge=0,
        le=64,
        description="Recordings of `/v1/file` that each process analyses at the same time; "
        "0 leaves them to `veravox worker`.",
    )

    job_attempts: int = Field(
        5,
        ge=1,
        le=100,
        description="Times that an analysis may end without a result, such as by a crash, "
        "before its prediction fails.",
    )

    # Voice ID
    voice_model_dir: Path | None = Field(
        None, description="Folder of the speaker encoder. Default: the one in the package."
    )
    voice_false_match_rate: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Rate of false matches that voices are compared at, one of those on the "
        "encoder's card: 0.05, 0.01 or 0.001. Default: the card's, 0.01.",
    )
    voice_spoof_verdict_needed: bool = Field(
        True,
        description="Whether a voice is never accepted when the detector has no verdict on the "
        "recording.",
    )

    # Streams
    grpc_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="TCP port for gRPC, on the same address as HTTP. Default: gRPC is off.",
    )
    stream_limit: int = Field(
        200,
        ge=0,
        le=10_000,
        description="Streams that each worker holds open; one more is refused.",
    )
    stream_idle_seconds: int = Field(
        60,
        ge=1,
        le=3600,
        description="Time without audio after which a stream is concluded and closed.",
    )
    stream_max_seconds: int = Field(
        14_400, ge=10, le=86_400, description="Longest audio of one stream, in seconds."
    )

    # Answers
    confidence_semantics: ConfidenceSemantics = Field(
        "label",
        description="Meaning of `confidence` in `/detect/audio`: confidence in the stated label "
        "(`label`), or authenticity, 1 = real (`authenticity`).",
    )
    no_speech_status: NoSpeechStatus = Field(
        200, description="Status of `/detect/audio` for a recording without speech: 200 or 422."
    )

    # Logs
    log_format: LogFormat = Field(
        "console", description="Log lines for people (`console`) or machines (`json`)."
    )
    log_level: LogLevel = Field(
        "info", description="Least severe lines shown: `debug`, `info`, `warning` or `error`."
    )

    @model_validator(mode="after")
    def _ingestion_names_its_hosts(self) -> Self:
        if self.url_ingestion and not self.url_ingestion_hosts:
            raise ValueError("url_ingestion needs url_ingestion_hosts")
        return self

    @model_validator(mode="after")
    def _provider_knows_us(self) -> Self:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret):
            raise ValueError("oidc_issuer needs oidc_client_id and oidc_client_secret")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then the TOML file."""
        file = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, env_settings, file


def config_file() -> Path | None:
    """The TOML file in force, None without one. Raises InvalidSettings if the named one is absent.

    ``VERAVOX_CONFIG`` names it; else ``veravox.toml`` in the working directory, if it is there.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if not named:
        return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None
    if not Path(named).is_file():
        raise InvalidSettings(f"{CONFIG_VARIABLE} names {named}, which is not a file")
    return Path(named)


def load_settings(**overrides: object) -> Settings:
    """The settings in force; `overrides` win over every source, and None among them is ignored.

    Raises InvalidSettings, with one line for each unknown key or value out of bounds.
    """
    chosen = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**chosen)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        lines = [_describe(problem) for problem in error.errors(include_input=False)]
        raise InvalidSettings("\n".join(lines)) from None
    except (SettingsError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"{config_file() or 'settings'}: {error}") from None


def _describe(problem: ErrorDetails) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{name}: unknown setting"
    return f"{name}: {problem['msg']}" if name else problem["msg"]
