"""Each REST call of the client against the contract: method, path, parameters, body, scope and answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest
import responses
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.models import PublishRealtimeMessageInput, RealtimeBatchMessage, RealtimeCapability
from voyant_cloud.realtime.api import RealtimeApi, RealtimePresenceApi, RealtimeTokensApi
from voyant_cloud.urls import connect_url

SPEC = yaml.safe_load((Path(__file__).parents[1] / "openapi" / "voyant-cloud.yaml").read_text())
REGISTRY: Registry[Any] = Registry().with_resource("urn:spec", Resource(contents=SPEC, specification=DRAFT202012))
CHANNEL = "orders:eu"
MESSAGE_ID = "rtm_5f3a9c01d2e4b678_001764000000000_000000000042"


@attrs.frozen
class Wrapper:
    """One way to call one operation, and the method whose docstring says what it needs."""

    operation: str
    method: Callable[..., Any]
    call: Callable[[RealtimeApi], Any]


WRAPPERS = [
    Wrapper("publishMessage", RealtimeApi.publish, lambda api: api.publish(CHANNEL, event="e", data={"n": [1, None]})),
    Wrapper("publishMessage", RealtimeApi.publish, lambda api: api.publish(CHANNEL, event="e")),
    Wrapper(
        "publishMessage",
        RealtimeApi.publish,
        lambda api: api.publish(CHANNEL, PublishRealtimeMessageInput(event="é"), idempotency_key="order-7"),
    ),
    Wrapper(
        "publishBatch",
        RealtimeApi.publish_batch,
        lambda api: api.publish_batch(
            [{"channel": CHANNEL, "event": "e"}, RealtimeBatchMessage(channel="a,b;c=d@e-f.g_h", event="e", data=0)]
        ),
    ),
    Wrapper(
        "publishBatch", RealtimeApi.publish_many, lambda api: api.publish_many([{"channel": CHANNEL, "event": "e"}])
    ),
    Wrapper("listMessages", RealtimeApi.history, lambda api: api.history(CHANNEL)),
    Wrapper("listMessages", RealtimeApi.history, lambda api: api.history(CHANNEL, limit=1000, since_id=MESSAGE_ID)),
    Wrapper("listMessages", RealtimeApi.iter_history, lambda api: list(api.iter_history(CHANNEL))),
    Wrapper("listPresence", RealtimePresenceApi.get, lambda api: api.presence.get(CHANNEL)),
    Wrapper(
        "mintToken",
        RealtimeTokensApi.mint,
        lambda api: api.tokens.mint(
            client_id="user_42", capabilities={"orders:*": [RealtimeCapability.SUBSCRIBE, "presence"]}, ttl_seconds=60
        ),
    ),
    Wrapper(
        "mintToken",
        RealtimeTokensApi.mint,
        lambda api: api.tokens.mint(client_id="user_42", capabilities={"*": ("publish",)}),
    ),
]
OPERATIONS = {
    operation["operationId"]: {"path": path, "verb": verb, "shared": item.get("parameters", []), **operation}
    for path, item in SPEC["paths"].items()
    for verb, operation in item.items()
    if verb in {"get", "post", "put", "patch", "delete"}
}


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        place = SPEC
        for step in part["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        part = place
    return part


def check(value: Any, schema: dict[str, Any]) -> None:
    """Validate *value* against a schema of the contract."""
    rooted = json.loads(json.dumps(schema).replace('"#/', '"urn:spec#/'))
    Draft202012Validator(rooted, registry=REGISTRY).validate(value)


def success_of(operation: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = operation["responses"]["200"]["content"]["application/json"]
    return content


@pytest.fixture(params=WRAPPERS, ids=lambda wrapper: wrapper.method.__qualname__)
def wrapper(request: pytest.FixtureRequest) -> Wrapper:
    return request.param


@pytest.fixture
def operation(wrapper: Wrapper) -> dict[str, Any]:
    return OPERATIONS[wrapper.operation]


@pytest.fixture
def sent(wrapper: Wrapper, operation: dict[str, Any]) -> Any:
    """The request that the wrapper makes, answered with the contract's own example."""
    [example] = success_of(operation)["examples"].values()
    with responses.RequestsMock() as mock:
        mock.add(operation["verb"].upper(), re.compile(".*"), json=example["value"])
        wrapper.call(VoyantCloudClient(api_key="vk_test", base_url="https://voyant.example/v", retries=0).realtime)
        return mock.calls[0].request


def test_every_operation_has_a_wrapper() -> None:
    """No operation of the contract is without a method, but that of the WebSocket, which has the channel."""
    assert {wrapper.operation for wrapper in WRAPPERS} == set(OPERATIONS) - {"connect"}


def test_method_and_path(sent: Any, operation: dict[str, Any]) -> None:
    """The method and the path are the contract's, below the base URL's own path."""
    assert sent.method == operation["verb"].upper()
    assert urlsplit(sent.url).path == "/v" + operation["path"].replace("{channel}", CHANNEL)


def test_parameters(sent: Any, operation: dict[str, Any]) -> None:
    """Each parameter that is sent is in the contract, and fits its schema."""
    known = [resolved(parameter) for parameter in [*operation["shared"], *operation.get("parameters", [])]]
    query = {parameter["name"]: parameter["schema"] for parameter in known if parameter["in"] == "query"}
    headers = {parameter["name"]: parameter["schema"] for parameter in known if parameter["in"] == "header"}
    for name, value in parse_qsl(urlsplit(sent.url).query, strict_parsing=True) if "?" in sent.url else []:
        check(int(value) if resolved(query[name])["type"] == "integer" else value, query[name])
    assert ("Idempotency-Key" in sent.headers) is ("Idempotency-Key" in headers)
    for name, schema in headers.items():
        check(sent.headers[name], schema)


def test_body(sent: Any, operation: dict[str, Any]) -> None:
    """The body is what the contract asks for, with no field that it does not know."""
    if "requestBody" not in operation:
        assert sent.body is None
        return
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    body = json.loads(sent.body)
    check(body, schema)
    assert set(body) <= set(resolved(schema)["properties"])
    assert sent.headers["Content-Type"] == "application/json"


def test_authentication(sent: Any) -> None:
    """The API key goes as the contract says: a bearer token."""
    assert SPEC["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    assert sent.headers["Authorization"] == "Bearer vk_test"


def test_scope_is_documented(wrapper: Wrapper, operation: dict[str, Any]) -> None:
    """The method's docstring names the scope that the operation needs."""
    [[scope]] = [scheme["apiKey"] for scheme in operation["security"]]
    assert f"``{scope}``" in (wrapper.method.__doc__ or "")


def test_examples_fit() -> None:
    """The answers that these tests are given fit the contract themselves."""
    for name in {wrapper.operation for wrapper in WRAPPERS}:
        content = success_of(OPERATIONS[name])
        for example in content["examples"].values():
            check(example["value"], content["schema"])


def test_connect_url() -> None:
    """The WebSocket's URL has the contract's path and parameters."""
    operation = OPERATIONS["connect"]
    url = urlsplit(connect_url("https://voyant.example", channel=CHANNEL, token="rtok_x", since_id=MESSAGE_ID))
    assert url.path == operation["path"]
    expected = {parameter["name"] for parameter in operation["parameters"]}
    expected.add(SPEC["components"]["securitySchemes"]["clientToken"]["name"])
    assert {name for name, _ in parse_qsl(url.query)} == expected
