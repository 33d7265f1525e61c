"""The clients that the documents print, run as they are but for host, key and ids."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from companies.models import Channel, Company
from messaging.models import Batch, Media, Message
from tests import factories

SNIPPETS = Path(__file__).parents[1] / "fixtures/snippets"
# What a browser's page would give to the printed upload: an <input type="file">.
FILE_INPUT = """
const bytes = new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1]);
globalThis.fileInput = { files: [new File([bytes], 'photo.jpg')] };
"""


@pytest.fixture
def run(live_server: Any, tmp_path: Path, channel: Channel, key: str) -> Any:
    """Run a snippet with this installation's host, key and ids in place of the printed ones."""

    def run(name: str, *command: str, **printed: str) -> str:
        if not shutil.which(command[0]):
            pytest.skip(f"{command[0]} is not installed")
        text = (SNIPPETS / name).read_text()
        swaps = {
            "https://api.amanahagent.cloud": live_server.url,
            "https://app.autokonnect.co.ke": live_server.url,
            "/whatsapp/123/": f"/whatsapp/{channel.pk}/",
            "YOUR_API_KEY": key,
            **printed,
        }
        for old, new in swaps.items():
            text = text.replace(old, new)
        script = tmp_path / name
        script.write_text(text)
        done = subprocess.run(
            [*command, str(script)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1,localhost"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_python(run: Any) -> None:
    answer = ast.literal_eval(run("amanahagent_send.py.txt", sys.executable))

    assert answer["message_id"] == Message.objects.get().public_id
    assert (answer["status"], answer["delivery_status"]) == ("sent", "pending")


def test_javascript(run: Any) -> None:
    out = run("amanahagent_send.mjs", "node")

    assert f"message_id: '{Message.objects.get().public_id}'" in out
    assert Message.objects.get().recipient == "1234567890"


def test_javascript_that_uploads_a_file(run: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.mjs"
    page.write_text(FILE_INPUT)

    out = run("amanahagent_media.mjs", "node", "--import", str(page))

    media = Media.objects.get()
    assert f"media_id: '{media.public_id}'" in out
    assert (media.filename, media.content_type) == ("custom-name.jpg", "image/jpeg")


def test_php(run: Any) -> None:
    out = run("amanahagent_send.php", "php")

    assert Message.objects.get().public_id in out


@pytest.mark.parametrize(("name", "count"), [("one", 1), ("several", 2), ("tag", 2)])
def test_curl(run: Any, acme: Company, name: str, count: int) -> None:
    people = [factories.make_contact(acme) for _ in range(2)]
    tag = factories.make_tag(acme, *people)
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")

    out = run(f"autokonnect_{name}.sh", "sh", **{'"42"': f'"{tag.pk}"'})

    assert json.loads(out) == {"message": "Message queued for sending", "recipients_count": count}
    assert Batch.objects.get().recipients_count == count
