"""Names to network addresses, public ones only: a name of Twilio's that leads into our own network is not followed.

Nothing here knows what is fetched.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

_NAT64 = ip_network("64:ff9b::/96")


class PublicOnly(AbstractResolver):
    """A resolver for one session. Names in `trusted` may lead anywhere; every other one to public addresses only."""

    def __init__(self, trusted: frozenset[str], inner: AbstractResolver | None = None) -> None:
        self._trusted = trusted
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host. OSError when one of them is not public, which aiohttp takes for unresolvable."""
        found = await self._inner.resolve(host, port, family)
        if host not in self._trusted and not all(public(one["host"]) for one in found):
            raise OSError("the name leads to an address that is not public")
        return found

    async def close(self) -> None:
        """Give back what the inner resolver holds."""
        await self._inner.close()


def public(text: str) -> bool:
    """Whether a network address is one of the public internet, also where it carries another one within."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    real = _within(address) if isinstance(address, IPv6Address) else address
    return real.is_global and not real.is_multicast


def _within(address: IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address a packet to this one ends at, where it is a mapped, 6to4 or NAT64 address; else itself."""
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address
