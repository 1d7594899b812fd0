"""The OpenAPI document is derived from the table, complete, and the same every time."""

import json
from typing import Any

from etherapy.protocol import door
from etherapy.protocol.endpoint import table
from etherapy.protocol.openapi import describe, openapi_json, problems_of, summaries_of
from etherapy.protocol.pages import http_page
from tests.server.small_house import HANDLERS, TABLE, endpoints

DOCUMENT = describe(TABLE, summaries_of(HANDLERS), version="0.1.0")


def operations() -> dict[str, dict[str, Any]]:
    return {one["operationId"]: one for path in DOCUMENT["paths"].values() for one in path.values()}


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if "$ref" in value else set()
        return found.union(*(references(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(references(inner) for inner in value))
    return set()


def test_every_endpoint_is_an_operation_of_its_name() -> None:
    assert set(operations()) == set(TABLE)
    for name, endpoint in TABLE.items():
        assert DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]["operationId"] == name


def test_every_reference_leads_somewhere() -> None:
    found = references(DOCUMENT)
    assert found
    for reference in found:
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_name_in_braces_is_a_parameter() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for operation in methods.values():
            named = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_ids_bodies_queries_and_answers_have_schemas() -> None:
    write = operations()["write_note"]
    (thread,) = write["parameters"]
    assert thread["schema"]["minLength"] == thread["schema"]["maxLength"] == 22
    assert write["requestBody"]["content"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/WriteNote"}}
    }
    assert write["responses"]["201"]["content"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/Note"}}
    }
    query = {each["name"]: each for each in operations()["wait_for_news"]["parameters"]}
    assert query["seconds"]["schema"] == {"type": "integer", "default": 0}
    assert not query["seconds"]["required"]
    assert operations()["erase_note"]["responses"]["204"] == {
        "description": "Done; there is nothing more to say."
    }
    assert list(operations()["read_tile"]["responses"]["200"]["content"]) == ["text/plain"]


def test_a_token_is_asked_for_unless_the_endpoint_is_open() -> None:
    assert operations()["read_note"]["security"] == [{"session": []}]
    assert operations()["shout"]["security"] == []
    assert "401" in operations()["read_note"]["responses"]
    assert "401" not in operations()["shout"]["responses"]
    assert operations()["read_note"]["x-roles"] == ["administrator", "client", "supervisor", "therapist"]


def test_problems_are_told_with_their_schema() -> None:
    assert {"400", "401", "404", "406", "408", "409", "413", "415", "422", "429", "503"} <= set(
        operations()["write_note"]["responses"]
    )
    schema = DOCUMENT["components"]["schemas"]["NoteRefused"]
    assert schema["properties"]["type"] == {"enum": ["/problems/note-refused"]}
    assert schema["properties"]["status"] == {"enum": [409]}
    assert schema["required"] == ["type", "title", "status", "request_id", "because", "retry_at"]
    assert door.BadJson not in problems_of(endpoints.read_note)
    assert len(set(problems_of(endpoints.write_note))) == len(problems_of(endpoints.write_note))


def test_summaries_come_from_the_handlers() -> None:
    assert operations()["write_note"]["summary"] == "Keep a note"
    assert operations()["write_note"]["description"] == "Keep a note. Nothing is said about when."


def test_the_document_does_not_depend_on_the_order_of_the_table() -> None:
    turned = table(dict(reversed(list(TABLE.items()))))
    texts = summaries_of(HANDLERS)
    first = openapi_json(TABLE, texts, version="1")
    assert first == openapi_json(turned, texts, version="1")
    assert json.loads(first)["openapi"] == "3.1.0"


def test_the_page_of_endpoints_names_them_all() -> None:
    page = http_page(TABLE, summaries_of(HANDLERS))
    for name, endpoint in TABLE.items():
        assert f"## {name}\n\n`{endpoint.method} {endpoint.path}`" in page
    assert "- takes: WriteNote, at most 256 KiB" in page
    assert "- refuses: `note-refused`" in page
    assert "- for: anybody" in page
