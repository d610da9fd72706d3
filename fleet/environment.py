"""How settings are read from environment variables, and refused in words."""

import ipaddress
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(name: str) -> list[Network]:
    """The networks that a variable names, separated by commas; none by default."""
    try:
        return [ipaddress.ip_network(network) for network in env.list(name, default=[])]
    except ValueError as error:
        message = f"{name} must be networks such as 10.0.0.0/8: {error}"
        raise ImproperlyConfigured(message) from error


def files(name: str) -> list[Path]:
    """The files that a variable names, separated by commas, which must be there."""
    found = [Path(path).absolute() for path in env.list(name, default=[])]
    for path in found:
        if not path.is_file():
            message = f"{name} names {path}, and there is no such file"
            raise ImproperlyConfigured(message)
    return found
