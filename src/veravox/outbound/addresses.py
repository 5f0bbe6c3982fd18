"""Which network addresses the server may fetch from."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("::/96"))


def is_public(address: str) -> bool:
    """Whether `address` is a plain unicast address of the public internet.

    Private, loopback, link-local, shared (RFC 6598), multicast, reserved and documentation
    addresses are not, and neither are IPv6 addresses that carry an IPv4 address inside them.
    Raises ValueError for text that is no address.
    """
    parsed = ip_address(address)
    if not parsed.is_global or parsed.is_multicast or parsed.is_reserved:
        return False
    return isinstance(parsed, IPv4Address) or not _carries_ipv4(parsed)


def _carries_ipv4(address: IPv6Address) -> bool:
    if address.ipv4_mapped or address.sixtofour or address.teredo:
        return True
    return any(address in network for network in _TRANSLATED)
