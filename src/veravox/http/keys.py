"""Where the API key stands in a request."""

from starlette.datastructures import Headers


def presented_key(headers: Headers) -> str | None:
    """The key in ``X-Api-Key``, else in ``Authorization: Bearer``, else None."""
    if key := headers.get("x-api-key"):
        return key.strip()
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    return credentials.strip() or None if scheme.lower() == "bearer" else None
