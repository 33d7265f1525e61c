"""The limit for R1 to R3: the product's sending loop with everything but the sending taken out.

The same library, session settings, event loop, collector, payload and number of POSTs under way, and each
answer's id is read; no database, no limiter, no states. It does no less than anybody must.
"""

import asyncio
import gc
import time
from typing import Any

import aiohttp
import orjson
import uvloop

TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=5)
HEADERS = {"Authorization": "Bearer EAAbench", "Content-Type": "application/json"}
# About 330 bytes on the wire with the recipient, as a usual template has.
PAYLOAD: dict[str, Any] = {
    "type": "template",
    "template": {
        "name": "order_update",
        "language": {"code": "en_US"},
        "components": [
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "Amina"},
                    {"type": "text", "text": "KE-2041-88"},
                ],
            }
        ],
    },
}


def run(*, url: str, messages: int, in_flight: int) -> dict[str, float]:
    # The garbage collector as the drain sets it: what is loaded for good is not walked again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_send_all(f"{url}/v25.0/100000000000001/messages", messages, in_flight))


async def _send_all(url: str, messages: int, in_flight: int) -> dict[str, float]:
    numbers = iter(range(messages))
    wamids: set[str] = set()
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=10)
    async with aiohttp.ClientSession(
        connector=connector, timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        started, cpu = time.monotonic(), time.process_time()
        await asyncio.gather(*(_sender(session, url, numbers, wamids) for _ in range(in_flight)))
        cpu = time.process_time() - cpu
    if len(wamids) != messages:
        raise AssertionError(f"{len(wamids)} of {messages} messages were answered")
    return {"started": started, "cpu": cpu}


async def _sender(session: aiohttp.ClientSession, url: str, numbers: Any, wamids: set[str]) -> None:
    for number in numbers:
        body = orjson.dumps(
            {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": f"+{254_700_000_000 + number}",
                **PAYLOAD,
                "biz_opaque_callback_data": f"msg_{number:013d}",
            }
        )
        async with session.post(url, data=body, headers=HEADERS, allow_redirects=False) as answer:
            wamids.add(orjson.loads(await answer.read())["messages"][0]["id"])
