"""With which settings the embedded PostgreSQL runs. They are given at each start and win over its files."""

import sys

DURABLE = {
    # What an acknowledgement stands on (guarantees.md G1): said here although it is the default.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "data_sync_retry": "off",
}

SILENT = {
    # The server's log must not hold what people wrote, nor any row (guarantees.md G23): no statements, no
    # parameters, no DETAIL (terse), and of errors only those that end a session.
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_timezone": "UTC",
}

MODEST = {
    "listen_addresses": "",  # no TCP: the socket's directory is the only door
    "port": "5432",  # names the socket, opens nothing
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    # Our statements look up few rows by key. Compiling one costs more than running it, at the moment when
    # the planner first misjudges one; and not every build carries the compiler.
    "jit": "off",
    "timezone": "UTC",
    "max_wal_senders": "4",
}


def server_settings(socket_dir: str, chosen: dict[str, str]) -> list[str]:
    """The command line of the server: ours, the socket's place, then what the caller chose instead."""
    settings = DURABLE | SILENT | MODEST | {"unix_socket_directories": socket_dir}
    if sys.platform == "linux":
        # A statement whose client has gone is ended instead of holding its locks to the end.
        settings["client_connection_check_interval"] = "2s"
    settings |= chosen
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
