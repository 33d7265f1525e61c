"""No trick leads a call that a tenant ordered to a private address."""

import asyncio
import socket
from typing import Any

import pytest

from config import safe_http
from config.safe_http import Answer, SafeClient, UnsafeUrl, check_url, may_reach
from tests.receivers import receiver, says

PRIVATE = [
    "127.0.0.1",
    "localhost",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",  # IPv4-mapped
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",  # IPv4-compatible
    "2130706433",  # decimal
    "0x7f000001",  # hexadecimal
    "0x7f.1",
    "017700000001",  # octal
    "127.1",
    "169.254.169.254",  # cloud metadata
    "[fd00:ec2::254]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",  # carrier-grade NAT
    "192.0.2.1",  # documentation
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[fd00::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[64:ff9b::7f00:1]",  # NAT64
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",  # 6to4
    "[2001:0:0:0:0:0:80ff:fffe]",  # Teredo
    "[::ffff:0:7f00:1]",  # IPv4-translated
    "[4000::1]",  # nobody's
    "①②⑦.⓪.⓪.①",
]


def post(url: str, *, seconds: float = 2.0) -> Answer:
    async def once() -> Answer:
        async with SafeClient(seconds=seconds) as client:
            return await client.post(url, b"{}", {})

    return asyncio.run(once())


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_neither_taken_nor_called(scheme: str, host: str) -> None:
    url = f"{scheme}://{host}:9/hook"

    with pytest.raises(UnsafeUrl):
        check_url(url)
    answer = post(url)
    assert answer.status is None
    assert "may be called" in answer.error or "InvalidUrl" in answer.error


@pytest.mark.parametrize(
    "host", ["[fe80::1%25eth0]", "10.0.0.1.", "%31%30.0.0.1", "0x7f.0.0.0x1.", "e.com.1"]
)
def test_what_only_some_clients_take_for_an_address_is_not_taken_for_a_name(host: str) -> None:
    with pytest.raises(UnsafeUrl):
        check_url(f"https://{host}/hook")
    assert post(f"https://{host}:9/hook").status is None


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_a_public_address_may_be_reached_with_tls_only(address: str) -> None:
    assert may_reach(address)
    assert not may_reach(address, in_the_clear=True)


def test_a_network_that_the_operator_names_may_be_reached_in_the_clear(settings: Any) -> None:
    settings.TENANT_URL_ALLOW = ["127.0.0.0/8", "fd00::/8"]

    assert may_reach("127.0.0.1", in_the_clear=True)
    assert may_reach("::ffff:127.0.0.1", in_the_clear=True)
    assert may_reach("fd00::1")
    assert not may_reach("10.0.0.1")
    with receiver(says(200, b"hello")) as there:
        assert check_url(there.url) == there.url
        assert post(there.url).body == "hello"


def answers(monkeypatch: pytest.MonkeyPatch, *rounds: list[str]) -> list[str]:
    """DNS gives one answer after another; the addresses that are connected to are noted."""
    asked, connected = iter(rounds), []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(asked)
        ]

    async def sock_connect(self: Any, sock: socket.socket, address: Any) -> None:
        connected.append(address[0])
        raise OSError("stub")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", sock_connect)
    return connected


def test_a_name_is_looked_up_once_and_that_very_address_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rebinding: the second answer would be loopback."""
    connected = answers(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])

    answer = post("https://rebind.example/")

    assert connected == ["8.8.8.8"]
    assert "No connection" in answer.error


def test_a_name_that_turned_private_after_it_was_taken_is_not_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected = answers(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    check_url("https://rebind.example/")

    answer = post("https://rebind.example/")

    assert connected == []
    assert "127.0.0.1 is not an address that may be called" in answer.error


def test_one_private_address_among_several_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected = answers(monkeypatch, ["8.8.8.8", "10.0.0.1"])

    assert "10.0.0.1" in post("https://both.example/").error
    assert connected == []


def test_redirects_are_not_followed(settings: Any) -> None:
    settings.TENANT_URL_ALLOW = ["127.0.0.0/8"]
    with receiver() as secret, receiver(says(302, Location=secret.url)) as there:
        answer = post(there.url)

    assert answer.status == 302
    assert secret.got == []


def test_proxies_of_the_environment_are_not_used(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TENANT_URL_ALLOW = ["127.0.0.0/8"]
    with receiver() as proxy, receiver() as there:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("all_proxy", proxy.url)
        post(there.url)

    assert (len(there.got), proxy.got) == (1, [])


def test_a_name_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(safe_http, "LOOK_UP_SECONDS", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1) or [])

    assert check_url("https://slow.example/") == "https://slow.example/"
    assert post("https://slow.example/", seconds=0.2).error == "No answer within 0 seconds."


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "https://",
        "//a.example/",
        "javascript:alert(1)",
        "https://a.example:0x50/",
        "https://a.example:70000/",
        "https://a b.example/",
        "https://a.example/\r\nX: y",
        "https://user@a.example/",
        "https://a.example\\@127.0.0.1/",
        "https://a.example/" + "x" * 2000,
    ],
)
def test_what_is_no_plain_https_url_is_not_taken(url: object) -> None:
    with pytest.raises(UnsafeUrl):
        check_url(url)
