"""Calls to addresses that tenants gave us, which must never reach what is private.

The name is resolved once and the connection goes to the very address that was checked, so a name that
changes its mind (DNS rebinding) gains nothing. Redirects are not followed, proxies are not used, cookies
are not kept, and no more of an answer is read than is kept. TENANT_URL_ALLOW names networks that may be
reached all the same, with plain http too.
"""

import asyncio
import ipaddress
import re
import socket
from concurrent.futures import Executor, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from django.conf import settings

from config.links import is_web_link

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

KEPT_BYTES = 4096
KEPT_HEADERS = 20
KEPT_HEADER = 200
# To look a name up while somebody waits for the answer.
LOOK_UP_SECONDS = 3.0
# A resolver that hangs must not make other names wait for a thread.
_RESOLVERS = 64
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# The internet's part of IPv6; what Python's own list of special addresses lacks is all outside of it.
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
_OLD_6TO4_RELAYS = ipaddress.ip_network("192.88.99.0/24")
# What a client may take for a number though a resolver does not, and what is in no name.
_NO_NAME = re.compile(r"[%:]|(^|\.)(\d+|0x[0-9a-f]*)\.?$", re.IGNORECASE)


class Blocked(OSError):
    """The address is not one that tenants may have us call."""


class UnsafeUrl(ValueError):
    """Why a URL is not taken, in words for whoever gave it."""


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to, by whatever trick; else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _is_allowed(address: Address) -> bool:
    networks = (ipaddress.ip_network(text, strict=False) for text in settings.TENANT_URL_ALLOW)
    return any(address in network for network in networks)


def may_reach(text: str, *, in_the_clear: bool = False) -> bool:
    """Whether an address may be called; without TLS only one that the operator named."""
    address = _embedded(ipaddress.ip_address(text.partition("%")[0]))
    if _is_allowed(address):
        return True
    is_special = address in _OLD_6TO4_RELAYS or (
        address.version == 6 and address not in _GLOBAL_IPV6
    )
    return not in_the_clear and address.is_global and not address.is_multicast and not is_special


def check_url(url: object) -> str:
    """`url` if it may be called as far as can be told now; raises UnsafeUrl.

    A name that does not resolve (yet) is taken: every call looks it up and checks again.
    """
    if not is_web_link(url):
        raise UnsafeUrl("The URL must be an absolute https URL.")
    assert isinstance(url, str)  # noqa: S101 - for the type checker
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise UnsafeUrl("The URL must not hold a user name or a password.")
    host = _as_called(parts.hostname or "")
    addresses = _look_up(host, parts.port or 443)
    if not addresses and _NO_NAME.search(host):
        raise UnsafeUrl("The URL must name a host, or a public address as it is usually written.")
    in_the_clear = parts.scheme == "http"
    if in_the_clear and not addresses:
        raise UnsafeUrl("The URL must be an https URL.")
    if not all(may_reach(address) for address in addresses):
        raise UnsafeUrl("The URL leads to a private or loopback address.")
    if not all(may_reach(address, in_the_clear=in_the_clear) for address in addresses):
        raise UnsafeUrl("The URL must be an https URL.")
    return url


_look_ups = ThreadPoolExecutor(8, thread_name_prefix="look-up")


def _as_called(host: str) -> str:
    """As a client will write the name in the end: unusual letters may spell a number."""
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return host


def _look_up(host: str, port: int) -> list[str]:
    """A number's own address; a name's, if they come in time."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        try:
            found = ask(flags=socket.AI_NUMERICHOST)
        except OSError:
            found = _look_ups.submit(ask).result(LOOK_UP_SECONDS)
    except (OSError, UnicodeError, NotInTime):
        return []
    return [str(address[0]) for *_, address in found]


class _Resolver(AbstractResolver):
    """Looks names up in threads of its own; refuses a name if any of its addresses is private."""

    def __init__(self, threads: Executor, *, in_the_clear: bool) -> None:
        self.threads = threads
        self.in_the_clear = in_the_clear

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().run_in_executor(
            self.threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [self._checked(host, kind, address) for kind, _, _, _, address in found]

    def _checked(self, host: str, family: int, address: tuple[Any, ...]) -> ResolveResult:
        _refuse_private(str(address[0]), in_the_clear=self.in_the_clear)
        return ResolveResult(
            hostname=host,
            host=str(address[0]),
            port=int(address[1]),
            family=family,
            proto=socket.IPPROTO_TCP,
            flags=socket.AI_NUMERICHOST,
        )

    async def close(self) -> None:
        """Nothing is held open."""


def _refuse_private(address: str, *, in_the_clear: bool) -> None:
    if not may_reach(address, in_the_clear=in_the_clear):
        raise Blocked(f"{address} is not an address that may be called.")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, as much of it as is kept; `error` says why there is no whole answer."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    error: str = ""


class SafeClient:
    """Posts to tenants' addresses. `async with SafeClient(seconds=10) as client`."""

    def __init__(self, *, seconds: float) -> None:
        self.timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=seconds)
        self.threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")
        self.sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> "SafeClient":
        self.sessions = {"https": self._session(False), "http": self._session(True)}
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self.sessions.values():
            await session.close()
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _session(self, in_the_clear: bool) -> aiohttp.ClientSession:
        def checked_socket(info: Any) -> socket.socket:
            # The last door: whatever led here, this is the address that is connected to.
            _refuse_private(info[4][0], in_the_clear=in_the_clear)
            return socket.socket(family=info[0], type=info[1], proto=info[2])

        connector = aiohttp.TCPConnector(
            limit=0,
            resolver=_Resolver(self.threads, in_the_clear=in_the_clear),
            use_dns_cache=False,
            # Many servers close after five seconds; posting just then would look like a failure.
            keepalive_timeout=2,
            socket_factory=checked_socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self.timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Post once. Never raises for what the other side does or is."""
        try:
            session = self.sessions[urlsplit(url).scheme]
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return Answer(
                    status=response.status,
                    headers=_kept_headers(response),
                    body=await _beginning(response),
                )
        except TimeoutError:
            return Answer(error=f"No answer within {self.timeout.total:.0f} seconds.")
        except aiohttp.ClientConnectorError as error:
            return Answer(error=_why_not(error))
        except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
            return Answer(error=f"{type(error).__name__}: {error}"[:300])


def _why_not(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error.os_error, Blocked):
        return str(error.os_error)
    return f"No connection: {error.os_error or error}"[:300]


def _kept_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    kept = list(response.headers.items())[:KEPT_HEADERS]
    return {_storable(name)[:80]: _storable(value)[:KEPT_HEADER] for name, value in kept}


async def _beginning(response: aiohttp.ClientResponse) -> str:
    """The first bytes of the body. The status has come, so what breaks now changes nothing."""
    body = b""
    try:
        async with asyncio.timeout(1):
            while len(body) < KEPT_BYTES:
                more = await response.content.read(KEPT_BYTES - len(body))
                if not more:
                    return _storable(body.decode(errors="replace"))
                body += more
    except (TimeoutError, aiohttp.ClientError, OSError):
        pass
    response.close()  # the rest is not read; the connection can't be used again
    return _storable(body.decode(errors="replace"))


def _storable(text: str) -> str:
    """Without what a database can't hold."""
    return text.encode(errors="replace").decode().replace("\x00", "")
