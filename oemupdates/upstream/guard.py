"""Which addresses this server may call when somebody else says where to.

A name is looked up, judged and connected to in one go: what was checked is what is spoken to, so
that a name whose address changes in between leads nowhere else.
"""

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# RFC 6052: an IPv4 address in its last 32 bits, reached through a translator.
_NAT64 = ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """An address that nothing is sent to; the text says which, and why."""


def is_allowed(address: Address, networks: Collection[Network]) -> bool:
    """Whether an address is somewhere on the public internet, or in a network that is allowed."""
    inner = _inner(address)
    if any(address in network or inner in network for network in networks):
        return True
    if isinstance(inner, IPv6Address) and inner.is_site_local:
        return False
    return inner.is_global and not (inner.is_multicast or inner.is_reserved)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it is one of those."""
    if isinstance(address, IPv4Address):
        return address
    teredo = address.teredo
    inner = address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
    if inner is None and address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def connect(
    host: str, port: int, *, seconds: float, networks: Collection[Network] = ()
) -> socket.socket:
    """A connection to a host at an address that is allowed; `Forbidden` if it has none.

    Raises OSError when it does not answer, `socket.gaierror` when it is not known.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    problem: OSError | None = None
    refused = []
    for family, kind, protocol, _name, where in found:
        address = ip_address(str(where[0]).partition("%")[0])
        if not is_allowed(address, networks):
            refused.append(str(address))
            continue
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(seconds)
        try:
            connection.connect(where)
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    if problem is not None:
        raise problem
    raise Forbidden(
        f"{host} is at {', '.join(sorted(set(refused)))}, which is not on the public internet:"
        " FLEET_WEBHOOK_ALLOW_NETWORKS does not list it."
    )
