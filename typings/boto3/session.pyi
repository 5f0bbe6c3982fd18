from typing import Any

from botocore.config import Config

class Session:
    region_name: str | None
    def __init__(self) -> None: ...
    def client(
        self,
        service_name: str,
        *,
        region_name: str | None = ...,
        endpoint_url: str | None = ...,
        config: Config | None = ...,
    ) -> Any: ...
