"""The problems and the endpoints as Markdown, for the documentation; derived, never written by hand."""

from etherapy.protocol.endpoint import Endpoint, Table
from etherapy.protocol.problem import Problem, every_problem, fields


def problems_page() -> str:
    """Every declared problem; import the modules that declare them first."""
    lines = ["# Problems", "", "What may be answered instead of what was asked for (RFC 9457).", ""]
    for problem in every_problem():
        lines += [
            f"## {problem.uri.rpartition('/')[2]}",
            "",
            f"`{problem.uri}`, {problem.status}",
            "",
            problem.title,
            "",
        ]
        if members := fields(problem):
            lines += [f"- `{name}`: {_type_text(kind)}" for name, kind in members.items()] + [""]
    return "\n".join(lines)


def http_page(table: Table, summaries: dict[str, str]) -> str:
    """Every endpoint with what it takes, gives and refuses."""
    lines = ["# HTTP", "", "Derived from the endpoint table; `/openapi.json` says the same to machines.", ""]
    for name in sorted(table, key=lambda each: (table[each].path, table[each].method)):
        lines += _section(name, table[name], summaries.get(name, ""))
    return "\n".join(lines)


def _section(name: str, endpoint: Endpoint[object, object], text: str) -> list[str]:
    refusals = ", ".join(f"`{_slug(each)}`" for each in endpoint.problems) or "only the door's"
    return [
        f"## {name}",
        "",
        f"`{endpoint.method} {endpoint.path}`",
        "",
        *([text, ""] if text else []),
        f"- for: {', '.join(sorted(endpoint.access)) or 'anybody'}",
        f"- takes: {_type_text(endpoint.takes)}"
        + (f", at most {endpoint.body_limit // 1024} KiB" if endpoint.takes else ""),
        f"- gives: {endpoint.good_status}, {_type_text(endpoint.gives)}",
        f"- refuses: {refusals}",
        "",
    ]


def _slug(problem: type[Problem]) -> str:
    return problem.uri.rpartition("/")[2]


def _type_text(kind: object) -> str:
    if kind is None:
        return "nothing"
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
