import base64
import hashlib
import hmac
import json
import time

TOLERANCE = 5 * 60  # seconds that our clocks may differ


def verify(headers, body, secret):
    """The event, if we sent it; raises ValueError if not.

    headers: by lower-case name. body: the bytes as they came, before any parsing.
    """
    event_id = headers["webhook-id"]
    timestamp = headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise ValueError("too old, or from the future")
    if secret.startswith("whsec_"):
        key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    else:
        key = secret.encode()
    signed = f"{event_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    for signature in headers["webhook-signature"].split():
        version, _, given = signature.partition(",")
        if version == "v1" and hmac.compare_digest(given.encode(), expected.encode()):
            return json.loads(body)
    raise ValueError("not signed with this secret")
