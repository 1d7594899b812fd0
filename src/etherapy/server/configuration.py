"""Settings read from the environment over an optional TOML file, and checked before anything starts.

Everything that is wrong is told at once, each with the name of its variable and how to mend it; values
are not repeated, for some are secret.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from etherapy.server.addresses import is_local, read_address
from etherapy.server.settings import PREFIX, SECRETS, Settings, field_lines

CONFIG = "ETHERAPY_CONFIG"
"""The variable that names the TOML file."""


class SettingsFault(Exception):
    """The settings cannot be used. `complaints` has a line for each thing to mend, without secret values."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


def read_settings(
    environ: Mapping[str, str], file: Path | None = None, options: Mapping[str, str] | None = None
) -> Settings:
    """Settings from a command's `options` (by field) over `environ` over the TOML file.

    SettingsFault lists everything that is wrong at once.
    """
    complaints: list[str] = []
    given = dict(_from_file(file or _config(environ), complaints))
    given |= dict(_from_environment(environ, complaints))
    given |= {name: (f"--{name.replace('_', '-')}", text) for name, text in (options or {}).items()}
    types = {each.name: each.type for each in msgspec.structs.fields(Settings)}
    lines = dict(field_lines())
    values: dict[str, Any] = {}
    for name, (source, raw) in given.items():
        try:
            values[name] = _convert(raw, types[name])
        except msgspec.ValidationError as error:
            complaints.append(f"{source}: {_without_values(error)}. {lines[name]}")
    if complaints:
        raise SettingsFault(complaints)
    settings = Settings(**values)
    if wrong := list(_contradictions(settings)):
        raise SettingsFault([f"{given.get(name, (name, ''))[0]}: {text}" for name, text in wrong])
    return settings


def _config(environ: Mapping[str, str]) -> Path | None:
    return Path(environ[CONFIG]) if environ.get(CONFIG) else None


def _from_file(file: Path | None, complaints: list[str]) -> Iterator[tuple[str, tuple[str, Any]]]:
    if file is None:
        return
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        complaints.append(f"{file}: cannot be read ({error.strerror}). {CONFIG} names the settings file")
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        complaints.append(f"{file}: not valid TOML. One `name = value` per line is enough")
        return
    for key, value in table.items():
        if key in Settings.__struct_fields__:
            yield key, (f"{key} in {file}", value)
        else:
            complaints.append(f"{key} in {file}: there is no such setting{_near(key)}")


def _from_environment(
    environ: Mapping[str, str], complaints: list[str]
) -> Iterator[tuple[str, tuple[str, Any]]]:
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable == CONFIG or not environ[variable]:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in Settings.__struct_fields__:
            yield name, (variable, environ[variable])
        elif name.removesuffix("_file") in SECRETS:
            plain = variable.removesuffix("_FILE")
            if plain in environ:
                complaints.append(f"{variable}: {plain} is set too. Keep one of the two")
                continue
            try:
                yield (
                    name.removesuffix("_file"),
                    (variable, Path(environ[variable]).read_text("utf-8").strip()),
                )
            except (OSError, UnicodeDecodeError):
                complaints.append(f"{variable}: the file cannot be read. Check its path and mode")
        elif near := _near(name):
            complaints.append(f"{variable}: there is no such setting{near}")


def _near(name: str) -> str:
    """A hint where a name looks like a slip; other ETHERAPY_ variables belong to scripts."""
    found = difflib.get_close_matches(name, Settings.__struct_fields__, n=1, cutoff=0.8)
    return f". Did you mean {found[0]}?" if found else ""


def _convert(raw: Any, kind: msgspec.inspect.Type | Any) -> Any:
    if isinstance(raw, str) and kind == tuple[str, ...]:
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    return msgspec.convert(raw, kind, strict=False, dec_hook=_path)


def _path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str) and value:
        return Path(value).expanduser()
    raise ValueError("expected a path")


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "array": "a list",
}


def _without_values(error: msgspec.ValidationError) -> str:
    text = str(error).split(" - at ")[0].split(", got ")[0]
    for word, meaning in _WORDS.items():
        text = text.replace(f"`{word}`", meaning)
    return text[:1].lower() + text[1:]


def _contradictions(settings: Settings) -> Iterator[tuple[str, str]]:
    """(field, what is wrong and how to mend it) for what no single field can know."""
    for field in ("listen", "health_listen"):
        if read_address(getattr(settings, field)) is None:
            yield field, "not an address. Use host:port with an IP address, [::1]:port, or unix:/path"
    yield from _unsafe_listeners(settings)
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        yield "tls_certificate", "certificate and key go together. Set both tls_certificate and tls_key"
    for name in settings.trusted_proxy:
        if not _is_network(name):
            yield "trusted_proxy", "not a list of addresses. Use e.g. 10.0.0.5 or 10.0.0.0/24, or `unix`"
    for field, text in [
        ("origin", settings.origin),
        *(("allowed_origins", each) for each in settings.allowed_origins),
    ]:
        if text and not _is_origin(text):
            yield field, "not an origin. Use https://host or https://host:port, without a path"
    if settings.operate_database is not None and settings.database is None:
        yield "operate_database", "set without `database`. Set both, or neither for the embedded PostgreSQL"


def _unsafe_listeners(settings: Settings) -> Iterator[tuple[str, str]]:
    away = not is_local(settings.listen)
    if away and not settings.trusted_proxy and settings.tls_certificate is None:
        yield (
            "listen",
            "would speak plain HTTP beyond this machine. Listen on 127.0.0.1, or name the proxy that ends "
            "TLS in trusted_proxy, or set tls_certificate and tls_key",
        )
    if (away or settings.listen.startswith("unix:")) and not settings.origin:
        yield "listen", "reaches beyond this machine, and `origin` is not set. Set ETHERAPY_ORIGIN"
    host = urlsplit(settings.origin).hostname or "" if _is_origin(settings.origin) else ""
    if settings.origin.startswith("http://") and not is_local(f"{host}:1") and host != "localhost":
        yield "origin", "plain http beyond this machine. Use https://"


def _is_network(text: str) -> bool:
    if text == "unix":
        return True
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and port_fits
        and (text == f"{parts.scheme}://{parts.netloc}" and "@" not in parts.netloc)
    )
