"""Which addresses may be fetched from."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veravox.outbound.addresses import is_public


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::"),
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "fd00::1"),
        *("169.254.169.254", "fe80::1", "fe80::1%eth0"),
        *("100.64.0.1", "100.127.255.254"),
        *("224.0.0.1", "239.1.1.1", "ff02::1", "ff0e::1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::808:808"),
        *("2002:7f00:1::", "2002:808:808::", "2001:0:53aa:64c::1"),
        *("192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "198.18.0.1"),
        *("240.0.0.1", "255.255.255.255"),
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_one_is_refused(address: ipaddress.IPv4Address) -> None:
    assert not is_public(f"::ffff:{address}")
    assert not is_public(f"64:ff9b::{address}")
    assert not is_public(f"::{address}")
