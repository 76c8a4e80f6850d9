"""Where the data base of Django is, in libpq's words: for connections of our own that listen or are asynchronous."""

import psycopg.conninfo
from django.db import Error, InterfaceError, OperationalError, connection

_NAMES = {"dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "service"}
# A server that is gone without a word is noticed in seconds: its locks may be somebody else's by then.
_ALIVE = {"keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "10000"}


def conninfo() -> str:
    """A connection string; reads settings only, no connection is made."""
    known = connection.get_connection_params()
    its = {name: str(known[name]) for name in _NAMES & known.keys()}
    return psycopg.conninfo.make_conninfo(**its, **_ALIVE, connect_timeout="5")


def is_lost(error: Error) -> bool:
    """Whether it was the connection that failed, or the server that ends; not what was asked of it."""
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error, OperationalError | InterfaceError) and (state is None or state.startswith(_LOST))


# Connection exceptions; shut down, crashed, cannot connect now. Source: PostgreSQL, appendix A.
_LOST = ("08", "57P")
