"""Requests made up from our own OpenAPI document are answered as it says."""

import hypothesis
import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.http_factory import Server
from veravox.http.app import create_app
from veravox.settings import Settings

EXAMPLES = 20
OPERATIONS = [
    result.ok()
    for result in schemathesis.openapi.from_dict(
        create_app(Settings()).openapi()
    ).get_all_operations()
]


CASES = [
    pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
    for operation in OPERATIONS
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or operation.body or list(operation.iter_parameters())
]


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_the_server_does_what_its_document_says(
    small_server: Server, operation: APIOperation, mode: GenerationMode
) -> None:
    key = small_server.key(requests_per_minute=1_000_000, concurrent_requests=1_000)

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Case) -> None:
        case.call_and_validate(
            base_url=small_server.url,
            headers={"X-Api-Key": key},
            excluded_checks=[positive_data_acceptance, negative_data_rejection],
        )

    check()
