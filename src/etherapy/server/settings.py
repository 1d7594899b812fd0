"""Every setting, once.

A field's name is its key in the file and, in capitals behind `ETHERAPY_`, its environment variable. The
line under a field is its documentation.
"""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

PREFIX = "ETHERAPY_"
SECRETS = frozenset({"database", "operate_database", "log_key"})
"""Never shown; `ETHERAPY_<NAME>_FILE` may name a file that holds one."""

Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Count = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
Rate = Annotated[float, msgspec.Meta(gt=0, le=10_000_000)]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How one server process is to run."""

    data: Path = Path("etherapy-data")
    """Directory for the embedded PostgreSQL and the server's own keys."""
    name: str = "Etherapy"
    """What this installation calls itself towards people."""
    origin: str = ""
    """Public origin, e.g. https://therapy.example; may be left out only where `listen` is on loopback."""
    database: str | None = None
    """DSN of the role that serves; left out, the embedded PostgreSQL is started."""
    operate_database: str | None = None
    """DSN of the role that migrates, backs up and restores; goes with `database`."""
    pool_size: Annotated[int, msgspec.Meta(ge=1, le=500)] = 8
    """Connections to the database."""
    pool_queue: Count = 512
    """Calls that may wait for a connection before more are answered with 503."""
    database_deadline: Seconds = 10.0
    """Seconds for one call of the database, waiting for a connection included."""
    listen: str = "127.0.0.1:8440"
    """Address and port, e.g. 127.0.0.1:8440 or [::1]:8440, or unix:/path/of/socket."""
    health_listen: str = "127.0.0.1:8441"
    """Address and port of /ready and /metrics; keep it away from the public."""
    trusted_proxy: tuple[str, ...] = ()
    """Addresses or networks of proxies that end TLS and whose X-Forwarded-For counts, comma-separated."""
    tls_certificate: Path | None = None
    """PEM file with the certificate chain, if TLS ends here."""
    tls_key: Path | None = None
    """PEM file with the certificate's private key."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of web pages that may call from a browser, comma-separated; none by default."""
    max_connections: Count = 2_000
    """Open connections; more are closed at once."""
    header_deadline: Seconds = 10.0
    """Seconds in which a request's header must have arrived."""
    body_deadline: Seconds = 30.0
    """Seconds in which a request's body must have arrived."""
    body_floor: Annotated[int, msgspec.Meta(ge=1)] = 1024
    """Bytes per second a body must keep up."""
    body_grace: Seconds = 5.0
    """Seconds before the floor counts."""
    body_memory: Annotated[int, msgspec.Meta(ge=1 << 18)] = 64 << 20
    """Bytes that all bodies being received may hold together; more are answered with 503."""
    keep_alive: Seconds = 75.0
    """Seconds an idle connection is kept."""
    answer_deadline: Seconds = 30.0
    """Seconds in which a client must have taken its answer."""
    stop_deadline: Seconds = 20.0
    """Seconds that requests under way are given when the server stops."""
    limits: bool = True
    """Whether rate limits hold; off is for measuring only."""
    limit_global: Rate = 5_000.0
    """Requests per second of all clients together, in the long run; twice as many at once."""
    limit_address: Rate = 100.0
    """Requests per second of one address (IPv6: /64 network), in the long run; five times as many at once."""
    limit_token: Rate = 50.0
    """Requests per second of one session, in the long run; six times as many at once."""
    limit_device: Rate = 1.0
    """Log-ins and the like per second of one device, in the long run; twenty times as many at once."""
    log_requests: bool = True
    """Whether each request writes a line; failures always do."""
    log_key: str | None = None
    """Secret from which the pseudonyms in logs are made; left out, a new one at each start."""

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value}' for name, value in self.shown())})"

    def shown(self) -> Iterator[tuple[str, str]]:
        """Names and values as they may be shown."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            yield name, "(set)" if name in SECRETS and value is not None else str(value)

    @property
    def public_origin(self) -> str:
        """The origin that clients know, without a slash at the end."""
        return self.origin or f"http://{self.listen}"


def field_lines() -> Iterator[tuple[str, str]]:
    """Each field with the line of documentation under it."""
    body = ast.parse(inspect.getsource(Settings)).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, line in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
            yield field.target.id, str(line.value.value)


def settings_page() -> str:
    """The settings as a Markdown table, for the documentation."""
    rows = ["| Variable | Key | Default | Meaning |", "|---|---|---|---|"]
    defaults = dict(Settings().shown())
    for name, line in field_lines():
        default = defaults[name] if defaults[name] not in ("None", "", "()") else ""
        secret = f" Secret: `{PREFIX}{name.upper()}_FILE` may name a file instead." if name in SECRETS else ""
        rows.append(
            f"| `{PREFIX}{name.upper()}` | `{name}` | {default and f'`{default}`'} | {line}{secret} |"
        )
    return "\n".join(rows) + "\n"
