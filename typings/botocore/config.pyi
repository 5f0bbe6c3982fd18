from collections.abc import Mapping
from typing import Any

class Config:
    def __init__(
        self,
        *,
        signature_version: str = ...,
        connect_timeout: float = ...,
        read_timeout: float = ...,
        retries: Mapping[str, Any] = ...,
        s3: Mapping[str, Any] = ...,
        request_checksum_calculation: str = ...,
    ) -> None: ...
