"""Starting, stopping, and what is kept in between."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from companies.graph.sandbox import cli, running_sandbox

NUMBER = "100000000000001"
WABA = "200000000000001"
ROOT = Path(__file__).resolve().parents[2]
HEADERS = {"Authorization": "Bearer EAAx"}
BODY = {"type": "BODY", "text": "Your order is ready for you now."}
NEW = {"name": "kept", "language": "en_US", "category": "UTILITY", "components": [BODY]}


def test_templates_numbers_and_media_survive_a_restart(tmp_path):
    file = tmp_path / "deep" / "state.json"
    png = {"file": ("a.png", b"\x89PNG", "image/png")}
    with running_sandbox(state_file=file, template_decision="manual") as graph:
        graph.number(NUMBER, display_phone_number="+254 700 000001")
        requests.post(f"{graph.url}/{WABA}/message_templates", json=NEW, headers=HEADERS, timeout=5)
        media = requests.post(
            f"{graph.url}/{NUMBER}/media", files=png, data={"messaging_product": "whatsapp"},
            headers=HEADERS, timeout=5,
        ).json()["id"]  # fmt: skip
        graph.template(WABA, "hello_world", "pause")

    with running_sandbox(state_file=file, template_review_seconds=0) as graph:
        graph.settle()
        listed = graph.control("GET", "templates", waba_id=WABA)["templates"]
        statuses = {row["name"]: row["status"] for row in listed}
        about = requests.get(f"{graph.url}/{media}", headers=HEADERS, timeout=5).json()
        (number,) = graph.control("GET", "numbers")["numbers"]

    assert (statuses["kept"], statuses["hello_world"]) == ("APPROVED", "PAUSED")
    assert about["mime_type"] == "image/png"
    assert number["display_phone_number"] == "+254 700 000001"
    assert list(file.parent.iterdir()) == [file]


def test_a_broken_state_file_is_no_reason_not_to_start(tmp_path):
    file = tmp_path / "state.json"
    file.write_text("{")

    with running_sandbox(state_file=file) as graph:
        assert graph.state()["accepted"] == 0


def test_time_can_be_given():
    with running_sandbox(clock=lambda: 1_700_000_000.0) as graph:
        assert graph.state()["time"] == 1_700_000_000.0


def test_the_flags_come_from_the_environment():
    parser = argparse.ArgumentParser()
    env = {"SANDBOX_PORT": "9001", "PORT": "9000", "META_APP_SECRET": "a", "META_VERIFY_TOKEN": "v"}
    cli.add_arguments(parser, env)

    options = vars(parser.parse_args(["--seed", "3", "--set", "read_probability=0.5"]))
    settings = cli.settings_from(options)

    assert (options["port"], settings.app_secret, settings.verify_token) == (9001, "a", "v")
    assert settings.webhook_url == "http://127.0.0.1:9000/webhooks/meta"
    assert (settings.seed, settings.read_probability) == (3, 0.5)


def test_it_runs_from_a_shell_and_stops_at_once_when_told():
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "companies.graph.sandbox", "--port", str(port),
         "--webhook-url", "", "--quiet"],
        cwd=ROOT, env={**os.environ, "DJANGO_SETTINGS_MODULE": ""}, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=3) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()


def test_a_wrong_setting_is_told_before_the_start():
    process = subprocess.run(
        [sys.executable, "-m", "companies.graph.sandbox", "--set", "nonsense=1"],
        cwd=ROOT, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    assert process.returncode == 2
    assert "There is no setting 'nonsense'" in process.stderr


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url):
    deadline = time.monotonic() + 10
    while True:
        try:
            return requests.get(url, timeout=1)
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
