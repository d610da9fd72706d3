"""Lookups and expressions that find rows by an index where Django's own do not."""

import ipaddress
from typing import Any

from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import StartsWith
from django.db.models.sql.compiler import SQLCompiler

_LAST_CHARACTER = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
_OCTETS, _OCTET_BITS = 4, 8


def following(prefix: str) -> str:
    """The least text behind every text that begins with `prefix`; empty if there is none."""
    kept = prefix.rstrip(chr(_LAST_CHARACTER))
    if not kept:
        return ""
    code = ord(kept[-1]) + 1
    if code in _SURROGATES:
        code = _SURROGATES.stop
    return kept[:-1] + chr(code)


@models.CharField.register_lookup
class Begins(StartsWith):
    """`alias__begins="web"`: case-sensitive, and found by an index on either database.

    PostgreSQL has `varchar_pattern_ops` for LIKE. SQLite's LIKE ignores case and therefore every
    index, so it gets the range of texts with that beginning instead.
    """

    lookup_name = "begins"

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        """LIKE, as Django says it."""
        sql, params = StartsWith(self.lhs, self.rhs).as_sql(compiler, connection)
        return sql, tuple(params)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        """The range of texts from the prefix to the least one behind it."""
        lhs, params = self.process_lhs(compiler, connection)
        prefix = str(self.rhs)
        end = following(prefix)
        if not end:
            return f"{lhs} >= %s", (*params, prefix)
        return f"({lhs} >= %s AND {lhs} < %s)", (*params, prefix, *params, end)


def _beginnings(network: ipaddress.IPv4Network) -> list[str]:
    """How the addresses of a network begin as texts; those without a dot at the end are whole."""
    octets = str(network.network_address).split(".")
    whole, rest = divmod(network.prefixlen, _OCTET_BITS)
    if not rest:
        beginnings = [octets[:whole]]
    else:
        first = int(octets[whole])
        values = range(first, first + 2 ** (_OCTET_BITS - rest))
        beginnings = [[*octets[:whole], str(value)] for value in values]
    return [".".join(parts) + "." * (len(parts) < _OCTETS) for parts in beginnings]


@models.GenericIPAddressField.register_lookup
class Within(models.Lookup):
    """`address__within="10.2.0.0/20"`: the addresses of a network, found by the index.

    PostgreSQL knows networks. SQLite keeps addresses as text: an IPv4 network is at most 128
    ranges of such texts; an IPv6 one is none, as its texts are shortened.
    """

    lookup_name = "within"
    prepare_rhs = False

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        """The operator of inet, for which a plain index serves."""
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} <<= %s::inet", (*params, str(self.rhs))

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        """Ranges of texts, one an octet's value."""
        lhs, params = self.process_lhs(compiler, connection)
        network = ipaddress.ip_network(str(self.rhs))
        if not isinstance(network, ipaddress.IPv4Network) or network.prefixlen == 0:
            raise FieldError("SQLite finds IPv4 networks only, and not all of them at once")
        texts = _beginnings(network)
        if not texts[0].endswith("."):
            marks = ", ".join(["%s"] * len(texts))
            return f"{lhs} IN ({marks})", (*params, *texts)
        sql = " OR ".join([f"({lhs} >= %s AND {lhs} < %s)"] * len(texts))
        ends = [end for text in texts for end in (*params, text, *params, following(text))]
        return f"({sql})", tuple(ends)


class Unindexed(models.Func):
    """A column that SQLite shall not look for in an index.

    SQLite keeps no statistics of its values, and would walk a million rows of a common value
    to find ten of a rare one. PostgreSQL judges by itself.
    """

    template = "%(expressions)s"
    arity = 1

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Any]:
        """The column behind a plus sign, which no index matches."""
        return self.as_sql(compiler, connection, template="+%(expressions)s", **context)
