"""The table of endpoints as an OpenAPI 3.1 document: derived, deterministic (decisions.md D-15)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from etherapy.binary import schema_hook
from etherapy.protocol.door import AT_THE_DOOR, WITH_BODY, WITH_TOKEN, Invalid, NoSuchPlace
from etherapy.protocol.endpoint import JSON, Endpoint, Parameter, Table
from etherapy.protocol.problem import Problem, shape

_REFERENCE = "#/components/schemas/{name}"


def describe(table: Table, summaries: dict[str, str], *, version: str) -> dict[str, Any]:
    """The document as plain values. `summaries` has a text for each endpoint, as its handler's docstring.

    An operation's id is the endpoint's name; a summary is the first line of its text.
    """
    names = sorted(table)
    problems = _all_problems(table)
    kinds = _all_kinds(table)
    shapes = [shape(problem) for problem in problems]
    references, schemas = msgspec.json.schema_components(
        [*kinds, *shapes], schema_hook=schema_hook, ref_template=_REFERENCE
    )
    by_kind = dict(zip(kinds, references, strict=False))
    by_problem = dict(zip(problems, references[len(kinds) :], strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for name in sorted(names, key=lambda each: (table[each].path, table[each].method)):
        endpoint = table[name]
        operation = _operation(endpoint, summaries.get(name, ""), by_kind, by_problem)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Etherapy",
            "version": version,
            "description": "Messages between clients and their therapists, inside the hours they agreed. "
            "Bodies are JSON in UTF-8; bytes, ids included, are base64url without padding.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "48 bytes: the practice's id and a secret.",
                }
            },
        },
    }


def openapi_json(table: Table, summaries: dict[str, str], *, version: str) -> bytes:
    """The document as JSON bytes; equal tables give equal bytes."""
    return msgspec.json.encode(describe(table, summaries, version=version), order="deterministic")


def summaries_of(handlers: dict[str, Callable[..., Any]]) -> dict[str, str]:
    """Each handler's docstring, cleaned, for `describe`."""
    return {name: " ".join((handler.__doc__ or "").split()) for name, handler in handlers.items()}


def problems_of(endpoint: Endpoint[Any, Any]) -> tuple[type[Problem], ...]:
    """Everything an endpoint may answer instead: its own problems, and those of the door that apply."""
    found = [*endpoint.problems, *AT_THE_DOOR]
    if endpoint.access:
        found += WITH_TOKEN
    if endpoint.takes is not None:
        found += WITH_BODY
    if endpoint.query is not None:
        found.append(Invalid)
    if endpoint.parameters:
        found.append(NoSuchPlace)
    return tuple(dict.fromkeys(found))


def _all_problems(table: Table) -> list[type[Problem]]:
    found = {problem.code: problem for endpoint in table.values() for problem in problems_of(endpoint)}
    return [found[code] for code in sorted(found)]


def _all_kinds(table: Table) -> list[Any]:
    found = {
        kind.__name__: kind
        for endpoint in table.values()
        for kind in (endpoint.takes, endpoint.gives, endpoint.query)
        if kind is not None and kind is not bytes
    }
    return [found[name] for name in sorted(found)]


def _operation(
    endpoint: Endpoint[Any, Any], text: str, by_kind: dict[Any, Any], by_problem: dict[Any, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": text.partition(". ")[0].rstrip("."),
        "responses": {
            str(endpoint.good_status): _good_answer(endpoint, by_kind),
            **dict(_problem_answers(problems_of(endpoint), by_problem)),
        },
        "security": [{"session": []}] if endpoint.access else [],
    }
    if text:
        operation["description"] = text
    if endpoint.access:
        operation["x-roles"] = sorted(endpoint.access)
    if parameters := [*_path_parameters(endpoint), *_query_parameters(endpoint)]:
        operation["parameters"] = parameters
    if endpoint.takes is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": by_kind[endpoint.takes]}}}
    return operation


def _good_answer(endpoint: Endpoint[Any, Any], by_kind: dict[Any, Any]) -> dict[str, Any]:
    if endpoint.gives is None:
        return {"description": "Done; there is nothing more to say."}
    schema = {} if endpoint.gives is bytes else by_kind[endpoint.gives]
    return {
        "description": "What was asked for.",
        "content": {endpoint.media.partition(";")[0]: {"schema": schema}},
    }


def _problem_answers(
    problems: Sequence[type[Problem]], by_problem: dict[Any, Any]
) -> Iterator[tuple[str, Any]]:
    for status in sorted({problem.status for problem in problems}):
        kinds = sorted((each for each in problems if each.status == status), key=lambda each: each.code)
        schemas = [by_problem[kind] for kind in kinds]
        schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
        text = " | ".join(kind.title for kind in kinds)
        yield str(status), {"description": text, "content": {"application/problem+json": {"schema": schema}}}


def _path_parameters(endpoint: Endpoint[Any, Any]) -> Iterator[dict[str, Any]]:
    for name, kind in endpoint.parameters.items():
        yield {"name": name, "in": "path", "required": True, "schema": _parameter_schema(kind)}


def _parameter_schema(kind: Parameter) -> dict[str, Any]:
    if kind is int:
        return {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    if kind is str:
        return {"type": "string", "pattern": "^[A-Za-z0-9._~-]{1,256}$"}
    return schema_hook(kind)


def _query_parameters(endpoint: Endpoint[Any, Any]) -> Iterator[dict[str, Any]]:
    if endpoint.query is None:
        return
    _, schemas = msgspec.json.schema_components(
        [endpoint.query], schema_hook=schema_hook, ref_template=_REFERENCE
    )
    schema = schemas[endpoint.query.__name__]
    for name, each in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": each}
