"""A first send in the languages that most callers write, ready to paste and run."""

from __future__ import annotations

from typing import NamedTuple

RECIPIENT = "+254712345678"
WORDS = "Hello from the API!"

_CURL = """\
curl -X POST {url} \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"phone_number": "{to}", "type": "text", "message": "{words}"}}'
"""

_PYTHON = """\
# pip install requests
import requests

response = requests.post(
    "{url}",
    headers={{"Authorization": "Bearer {key}"}},
    json={{"phone_number": "{to}", "type": "text", "message": "{words}"}},
    timeout=30,
)
print(response.status_code, response.json())
"""

_JAVASCRIPT = """\
// Node 18 or newer, in a file that ends in .mjs
const response = await fetch("{url}", {{
  method: "POST",
  headers: {{
    "Authorization": "Bearer {key}",
    "Content-Type": "application/json",
  }},
  body: JSON.stringify({{
    phone_number: "{to}",
    type: "text",
    message: "{words}",
  }}),
}});
console.log(response.status, await response.json());
"""

_PHP = """\
<?php
$request = curl_init("{url}");
curl_setopt_array($request, [
    CURLOPT_POST => true,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 30,
    CURLOPT_HTTPHEADER => [
        "Authorization: Bearer {key}",
        "Content-Type: application/json",
    ],
    CURLOPT_POSTFIELDS => json_encode([
        "phone_number" => "{to}",
        "type" => "text",
        "message" => "{words}",
    ]),
]);
$answer = curl_exec($request);
echo curl_getinfo($request, CURLINFO_RESPONSE_CODE), " ", $answer ?: curl_error($request), "\\n";
"""

_LANGUAGES = (
    ("curl", "curl", _CURL),
    ("python", "Python", _PYTHON),
    ("javascript", "JavaScript", _JAVASCRIPT),
    ("php", "PHP", _PHP),
)


class Snippet(NamedTuple):
    slug: str
    title: str
    code: str


def first_send(origin: str, channel_id: int, key: str) -> list[Snippet]:
    """Programs that send a text from a channel, signed with `key`; `origin` is https://host."""
    url = f"{origin}/api/v1/whatsapp/{channel_id}/messages"
    return [
        Snippet(slug, title, code.format(url=url, key=key, to=RECIPIENT, words=WORDS).rstrip())
        for slug, title, code in _LANGUAGES
    ]
