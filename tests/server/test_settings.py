"""Settings are read once, and whatever is wrong is told with the way to mend it."""

from pathlib import Path

import pytest

from etherapy.server.configuration import SettingsFault, read_settings
from etherapy.server.settings import SECRETS, Settings, field_lines, settings_page


def complaints(environ: dict[str, str], file: Path | None = None) -> list[str]:
    with pytest.raises(SettingsFault) as fault:
        read_settings(environ, file)
    return fault.value.complaints


def test_nothing_needs_to_be_set_on_a_loopback() -> None:
    settings = read_settings({"PATH": "/bin", "HOME": "/root"})
    assert settings == Settings()
    assert settings.public_origin == "http://127.0.0.1:8440"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "etherapy.toml"
    file.write_text('name = "From the file"\npool_size = 3\ntrusted_proxy = ["10.0.0.1"]\n')
    settings = read_settings({"ETHERAPY_CONFIG": str(file), "ETHERAPY_POOL_SIZE": "12"})
    assert (settings.name, settings.pool_size, settings.trusted_proxy) == ("From the file", 12, ("10.0.0.1",))


def test_texts_of_the_environment_become_what_they_mean() -> None:
    settings = read_settings(
        {
            "ETHERAPY_LIMITS": "false",
            "ETHERAPY_BODY_DEADLINE": "2.5",
            "ETHERAPY_TRUSTED_PROXY": "10.0.0.1, 10.1.0.0/16,unix",
            "ETHERAPY_DATA": "/var/lib/etherapy",
            "ETHERAPY_NAME": "",
        }
    )
    assert settings.limits is False
    assert settings.body_deadline == 2.5
    assert settings.trusted_proxy == ("10.0.0.1", "10.1.0.0/16", "unix")
    assert settings.data == Path("/var/lib/etherapy")
    assert settings.name == "Etherapy"


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "dsn"
    file.write_text("postgresql://serve:hidden@db/etherapy\n")
    settings = read_settings({"ETHERAPY_DATABASE_FILE": str(file)})
    assert settings.database == "postgresql://serve:hidden@db/etherapy"
    assert "hidden" not in repr(settings)
    assert "database=(set)" in repr(settings)


def test_a_secret_given_twice_or_from_a_missing_file_is_told(tmp_path: Path) -> None:
    twice = complaints({"ETHERAPY_LOG_KEY": "hidden", "ETHERAPY_LOG_KEY_FILE": str(tmp_path / "key")})
    assert twice == ["ETHERAPY_LOG_KEY_FILE: ETHERAPY_LOG_KEY is set too. Keep one of the two"]
    missing = complaints({"ETHERAPY_LOG_KEY_FILE": str(tmp_path / "key")})
    assert missing == ["ETHERAPY_LOG_KEY_FILE: the file cannot be read. Check its path and mode"]


def test_everything_that_is_wrong_is_told_at_once_without_values() -> None:
    told = complaints(
        {
            "ETHERAPY_POOL_SIZE": "canary",
            "ETHERAPY_LIMITS": "canary",
            "ETHERAPY_KEEP_ALIVE": "-1",
            "ETHERAPY_POOLSIZE": "canary",
            "ETHERAPY_HELPER_OF_SCRIPTS": "canary",
        }
    )
    assert told == [
        "ETHERAPY_POOLSIZE: there is no such setting. Did you mean pool_size?",
        "ETHERAPY_KEEP_ALIVE: expected a number > 0.0. Seconds an idle connection is kept.",
        "ETHERAPY_LIMITS: expected true or false. Whether rate limits hold; off is for measuring only.",
        "ETHERAPY_POOL_SIZE: expected a whole number. Connections to the database.",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("name = ", "not valid TOML"),
        ("nme = 'x'", "nme in {file}: there is no such setting. Did you mean name?"),
        ("pool_size = 'many'", "pool_size in {file}: expected a whole number"),
    ],
)
def test_a_bad_file_is_told(tmp_path: Path, content: str, fault: str) -> None:
    file = tmp_path / "etherapy.toml"
    file.write_text(content)
    (told,) = complaints({}, file)
    assert fault.format(file=file) in told


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    (told,) = complaints({"ETHERAPY_CONFIG": str(tmp_path / "none.toml")})
    assert "cannot be read (No such file or directory)" in told


@pytest.mark.parametrize(
    ("environ", "fault"),
    [
        ({"ETHERAPY_LISTEN": "0.0.0.0:8440"}, "would speak plain HTTP beyond this machine"),
        ({"ETHERAPY_LISTEN": "[::]:8440"}, "would speak plain HTTP beyond this machine"),
        ({"ETHERAPY_LISTEN": "0.0.0.0:8440", "ETHERAPY_TRUSTED_PROXY": "10.0.0.1"}, "`origin` is not set"),
        ({"ETHERAPY_LISTEN": "unix:/run/door"}, "`origin` is not set"),
        ({"ETHERAPY_LISTEN": "localhost:8440"}, "ETHERAPY_LISTEN: not an address"),
        ({"ETHERAPY_HEALTH_LISTEN": "8441"}, "ETHERAPY_HEALTH_LISTEN: not an address"),
        ({"ETHERAPY_TRUSTED_PROXY": "proxy.example"}, "ETHERAPY_TRUSTED_PROXY: not a list of addresses"),
        ({"ETHERAPY_TLS_KEY": "/k.pem"}, "certificate and key go together"),
        ({"ETHERAPY_ORIGIN": "therapy.example"}, "ETHERAPY_ORIGIN: not an origin"),
        ({"ETHERAPY_ORIGIN": "https://therapy.example/"}, "ETHERAPY_ORIGIN: not an origin"),
        ({"ETHERAPY_ORIGIN": "https://a@therapy.example"}, "ETHERAPY_ORIGIN: not an origin"),
        ({"ETHERAPY_ORIGIN": "http://therapy.example"}, "plain http beyond this machine. Use https://"),
        ({"ETHERAPY_ALLOWED_ORIGINS": "https://a.example,*"}, "ETHERAPY_ALLOWED_ORIGINS: not an origin"),
        ({"ETHERAPY_OPERATE_DATABASE": "postgresql://hidden"}, "set without `database`"),
    ],
)
def test_unsafe_or_contradictory_settings_are_refused(environ: dict[str, str], fault: str) -> None:
    told = complaints(environ)
    assert any(fault in line for line in told)
    assert "hidden" not in "".join(told)


@pytest.mark.parametrize(
    "environ",
    [
        {
            "ETHERAPY_LISTEN": "0.0.0.0:8440",
            "ETHERAPY_TRUSTED_PROXY": "10.0.0.1",
            "ETHERAPY_ORIGIN": "https://therapy.example",
        },
        {
            "ETHERAPY_LISTEN": "0.0.0.0:443",
            "ETHERAPY_TLS_CERTIFICATE": "/c.pem",
            "ETHERAPY_TLS_KEY": "/k.pem",
            "ETHERAPY_ORIGIN": "https://therapy.example:443",
        },
        {"ETHERAPY_LISTEN": "[::1]:8440", "ETHERAPY_ORIGIN": "http://localhost:8440"},
        {"ETHERAPY_ORIGIN": "http://127.0.0.1:9000"},
    ],
)
def test_safe_settings_are_taken(environ: dict[str, str]) -> None:
    read_settings(environ)


def test_every_setting_is_documented_and_the_page_names_them_all() -> None:
    lines = dict(field_lines())
    assert list(lines) == list(Settings.__struct_fields__)
    assert all(line.endswith(".") for line in lines.values())
    page = settings_page()
    assert all(f"`ETHERAPY_{name.upper()}`" in page for name in lines)
    assert page.count("_FILE`") == len(SECRETS)
