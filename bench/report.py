"""Findings as a table of ratios for people, and as JSON to be kept."""

from typing import Any

from bench.measures import Findings, Reads, Sends

_SENDS = (
    "sends       connections |  a second  of pgbench |    p50     p95     p99 ms"
    " (pgbench p50, p99) | CPU s/1000: server + postgres (pgbench's postgres)"
)
_READS = "reads over one connection         |  a second |    p50     p99 ms | CPU s/1000: server + postgres"


def document(found: Findings) -> dict[str, Any]:
    """Everything in plain values; rates a second, latencies in milliseconds, CPU seconds per thousand."""
    return {
        "machine": found.machine | {"postgres": found.postgres},
        "start_seconds": round(found.start_seconds, 2),
        "server_memory_mib": round(found.memory_mib, 1),
        "sends": [_send(one) for one in found.sends],
        "reads": [_read(one) for one in found.reads],
    }


def table(found: Findings) -> str:
    """The same for a terminal."""
    shown = document(found)
    lines = [", ".join(f"{name} {text}" for name, text in shown["machine"].items()), "", _SENDS]
    for one in shown["sends"]:
        alone, cpu = one["pgbench"], one["cpu_per_1000"]
        lines.append(
            f"{one['kind']:<12}{one['connections']:>11} |{one['rate']:>10.0f}{one['of_pgbench']:>12.2f} |"
            f"{one['p50']:>7.2f}{one['p95']:>8.2f}{one['p99']:>8.2f}"
            f"    ({alone['p50']:.2f}, {alone['p99']:.2f}) |"
            f" {cpu['server']:.3f} + {cpu['postgres']:.3f} ({alone['cpu_per_1000']:.3f})"
        )
    lines += ["", _READS]
    for one in shown["reads"]:
        cpu = one["cpu_per_1000"]
        lines.append(
            f"{one['name']:<34}|{one['rate']:>10.0f} |{one['p50']:>7.2f}{one['p99']:>8.2f}    |"
            f" {cpu['server']:.3f} + {cpu['postgres']:.3f}"
        )
    lines += [
        "",
        f"start until ready {shown['start_seconds']} s; server's memory {shown['server_memory_mib']} MiB",
    ]
    return "\n".join(lines)


def _send(one: Sends) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "connections": one.connections,
        "count": one.http.count,
        "refused": one.http.refused,
        "rate": round(one.http.rate, 1),
        "of_pgbench": round(one.http.rate / one.alone.rate, 3) if one.alone.count else 0.0,
        **{f"p{percent}": round(one.http.percentile(percent), 3) for percent in (50, 95, 99)},
        "cpu_per_1000": _per_thousand(one.http_used.server, one.http_used.postgres, one.http.count),
        "pgbench": {
            "rate": round(one.alone.rate, 1),
            "refused": one.alone.refused,
            **{f"p{percent}": round(one.alone.percentile(percent), 3) for percent in (50, 95, 99)},
            "cpu_per_1000": _per_thousand(0.0, one.alone_used.postgres, one.alone.count)["postgres"],
        },
    }


def _read(one: Reads) -> dict[str, Any]:
    return {
        "name": one.name,
        "count": one.load.count,
        "refused": one.load.refused,
        "rate": round(one.load.rate, 1),
        **{f"p{percent}": round(one.load.percentile(percent), 3) for percent in (50, 99)},
        "cpu_per_1000": _per_thousand(one.spent.server, one.spent.postgres, one.load.count),
    }


def _per_thousand(server: float, postgres: float, count: int) -> dict[str, float]:
    each = 1000 / max(count, 1)
    return {"server": round(server * each, 4), "postgres": round(postgres * each, 4)}
