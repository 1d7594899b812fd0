"""Start and stop: taken ports, graceful stop, signals (guarantees.md G18; issue: a taken port)."""

import asyncio
import os
import signal
import socket
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import http_parser
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from etherapy.server.listening import CannotListen, require_fast_parser
from tests.server.small_house import THREAD, Talk, note_body, opened, request, until

NOTE = f"/notes/{THREAD}"


async def test_a_request_under_way_is_finished_and_the_connection_then_closed() -> None:
    async with opened() as house:
        talk = await house.connect()
        await talk.send(request("POST", "/long"))
        await house.parts.begun.wait()
        stopping = asyncio.ensure_future(house.service.stop())
        await until(lambda: house.service.stopping)
        house.parts.go_on.set()
        reply = await talk.reply()
        assert (reply.status, reply.header("Connection")) == (200, "close")
        assert await stopping
        assert await talk.closed(within=2)
        await talk.close()


async def test_a_body_that_is_still_arriving_is_read_to_its_end() -> None:
    async with opened() as house:
        talk = await house.connect()
        raw = request("POST", f"/threads/{THREAD}/notes", note_body())
        await talk.send(raw[:-3])
        await until(lambda: house.service.under_way == 1)
        stopping = asyncio.ensure_future(house.service.stop())
        await until(lambda: house.service.stopping)
        await talk.send(raw[-3:])
        assert (await talk.reply()).status == 201
        assert await stopping
        await talk.close()


async def test_a_long_poll_is_answered_early_and_empty() -> None:
    async with opened() as house:
        talk = await house.connect()
        await talk.send(request("GET", "/news?seconds=30"))
        await house.parts.begun.wait()
        assert await house.service.stop()
        reply = await talk.reply()
        assert (reply.status, reply.json) == (200, {"arrived": False})
        await talk.close()


async def test_a_long_poll_is_answered_when_there_is_news_or_time_is_up() -> None:
    async with opened() as house:
        waiting = asyncio.ensure_future(house.ask("GET", "/news?seconds=30"))
        await house.parts.begun.wait()
        house.parts.news.set()
        assert (await waiting).json == {"arrived": True}
        house.parts.news.clear()
        assert (await house.ask("GET", "/news?seconds=0")).json == {"arrived": False}


async def test_while_stopping_new_requests_are_refused_and_new_connections_not_taken() -> None:
    async with opened() as house:
        idle = await house.connect()
        await idle.send(request("GET", NOTE))
        assert (await idle.reply()).status == 200
        long = await house.connect()
        await long.send(request("POST", "/long"))
        await house.parts.begun.wait()
        stopping = asyncio.ensure_future(house.service.stop())
        await until(lambda: house.service.stopping)
        await idle.send(request("GET", NOTE))
        refused = await idle.reply()
        assert (refused.status, refused.header("Retry-After")) == (503, "2")
        with pytest.raises(ConnectionRefusedError):
            await house.connect()
        house.parts.go_on.set()
        assert (await long.reply()).status == 200
        assert await stopping
        for talk in (idle, long):
            await talk.close()


async def test_what_does_not_end_in_time_is_cut_off() -> None:
    async with opened(stop_deadline=0.2) as house:
        talk = await house.connect()
        await talk.send(request("POST", "/long"))
        await house.parts.begun.wait()
        assert not await house.service.stop()
        assert await talk.closed(within=2)
        await talk.close()


async def test_a_taken_port_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotListen, match=f"cannot listen on {place}: another program listens there"):
            async with opened(listen=place):
                pass
        with pytest.raises(CannotListen, match=f"cannot listen on {place}: another program"):
            async with opened(health_listen=place):
                pass


async def test_an_address_of_another_machine_is_told_in_one_line() -> None:
    with pytest.raises(CannotListen, match="this machine does not have that address"):
        async with opened(listen="192.0.2.7:0"):
            pass


async def test_the_slow_http_parser_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_fast_parser()
    monkeypatch.setattr(http_parser, "HttpRequestParser", http_parser.HttpRequestParserPy)
    with pytest.raises(CannotListen, match="compiled HTTP parser"):
        require_fast_parser()


async def test_a_unix_socket_serves_and_survives_a_killed_server(tmp_path: Path) -> None:
    path = tmp_path / "door"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    async with opened(listen=f"unix:{path}") as house:
        talk = Talk(*await asyncio.open_unix_connection(str(path)))
        await talk.send(request("GET", NOTE))
        assert (await talk.reply()).status == 200
        await talk.close()
        with pytest.raises(CannotListen, match="another program listens there"):
            async with opened(listen=f"unix:{path}"):
                pass
        assert house.parts.calls == ["read_note"]


def certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "therapy.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    chain, secret = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, secret


async def test_tls_may_end_in_the_server(tmp_path: Path) -> None:
    chain, secret = certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(chain))
    context.check_hostname = False
    async with opened(tls_certificate=chain, tls_key=secret) as house:
        host, port = house.service.public.split(":")
        talk = Talk(*await asyncio.open_connection(host, int(port), ssl=context))
        await talk.send(request("GET", NOTE))
        assert (await talk.reply()).status == 200
        assert talk.writer.get_extra_info("ssl_object").version() in ("TLSv1.2", "TLSv1.3")
        await talk.close()
        plain = await house.connect()
        await plain.send(request("GET", NOTE))
        assert await plain.closed(within=2)
        await plain.close()


async def test_an_unusable_certificate_is_told_in_one_line(tmp_path: Path) -> None:
    chain, secret = certificate(tmp_path)
    secret.write_text("not a key")
    with pytest.raises(CannotListen, match="certificate or key cannot be used"):
        async with opened(tls_certificate=chain, tls_key=secret):
            pass


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_requests_finish_and_ends_with_exit_code_0(name: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.server.serve", stderr=asyncio.subprocess.PIPE, env=dict(os.environ)
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(20):
            line = (await process.stderr.readline()).decode()
            place = line.split('"listen":"')[1].split('"')[0]
            host, port = place.split(":")
            talk = Talk(*await asyncio.open_connection(host, int(port)))
            await talk.send(request("GET", "/news?seconds=30"))
            other = Talk(*await asyncio.open_connection(host, int(port)))
            await other.send(request("GET", NOTE))
            assert (await other.reply()).status == 200
            process.send_signal(name)
            assert (await talk.reply()).json == {"arrived": False}
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    for each in (talk, other):
        await each.close()
