import base64
import hashlib

import pytest
import requests

NUMBER = "100000000000001"
APP = "670000000000001"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def upload(client):
    def upload(content=PNG, mime="image/png", number=NUMBER, **form):
        files = {"file": ("x.bin", content, mime)}
        data = {"messaging_product": "whatsapp", "type": mime, **form}
        return client.call("POST", f"{number}/media", files=files, data=data)

    return upload


def test_an_upload_can_be_described_downloaded_and_deleted(client, graph, upload):
    node = upload().json()["id"]

    about = client.call("GET", node).json()
    content = client.http.get(about["url"], timeout=5)

    assert about == {
        "messaging_product": "whatsapp",
        "url": about["url"],
        "mime_type": "image/png",
        "sha256": hashlib.sha256(PNG).hexdigest(),
        "file_size": len(PNG),
        "id": node,
    }
    assert (content.content, content.headers["Content-Type"]) == (PNG, "image/png")
    assert client.call("DELETE", node).json() == {"success": True}
    assert client.call("GET", node).json()["error"]["error_subcode"] == 33
    assert client.http.get(about["url"], timeout=5).status_code == 404


def test_a_download_needs_the_token(client, upload):
    url = client.call("GET", upload().json()["id"]).json()["url"]

    assert requests.get(url, timeout=5).status_code == 401


def test_a_download_address_lives_five_minutes(client, graph, upload):
    node = upload().json()["id"]
    url = client.call("GET", node).json()["url"]

    graph.settings(clock_offset=301)

    assert client.http.get(url, timeout=5).status_code == 404
    assert client.http.get(client.call("GET", node).json()["url"], timeout=5).status_code == 200


def test_a_forged_address_is_not_found(client, upload):
    url = client.call("GET", upload().json()["id"]).json()["url"]

    assert client.http.get(url[:-1] + "!", timeout=5).status_code == 404


def test_an_upload_lives_thirty_days(client, graph, upload):
    node = upload().json()["id"]

    graph.settings(clock_offset=31 * 86400)

    assert client.call("GET", node).status_code == 400


def test_a_medium_belongs_to_the_number_that_uploaded_it(client, upload):
    node = upload().json()["id"]

    assert client.call("GET", f"{node}?phone_number_id={NUMBER}").status_code == 200
    assert client.call("GET", f"{node}?phone_number_id=999999999999999").status_code == 400


@pytest.mark.parametrize("mime", ["audio/wav", "image/gif", "audio/ogg; codecs=opus", "text/html"])
def test_other_types_are_refused_with_the_list(upload, mime):
    error = upload(mime=mime).json()["error"]

    assert error["message"].startswith(
        "(#100) Param file must be a file with one of the following types: "
    )
    assert error["message"].endswith(f"Received file of type '{mime}'.")


def test_what_is_too_large_is_a_media_upload_error(upload):
    assert (
        upload(content=bytes(500 * 1024 + 1), mime="image/webp").json()["error"]["code"] == 131053
    )
    assert upload(content=bytes(2 * 1024 * 1024), mime="image/jpeg").status_code == 200


def test_an_upload_without_its_product_or_file_is_refused(client, upload):
    assert upload(messaging_product="x").status_code == 400
    answer = client.call("POST", f"{NUMBER}/media", data={"messaging_product": "whatsapp"})
    assert answer.json()["error"]["message"] == "(#100) The parameter file is required."


def test_a_message_may_name_what_was_uploaded_and_nothing_else(client, graph, upload):
    def image(node):
        return client.post(
            {"messaging_product": "whatsapp", "to": "254712345678", "type": "image",
             "image": {"id": node}}
        )  # fmt: skip

    assert image(upload().json()["id"]).status_code == 200
    assert image("123").json()["error"]["message"] == (
        "(#100) Param image['id'] is not a valid whatsapp business account media attachment ID"
    )
    pdf = upload(content=b"%PDF", mime="application/pdf").json()["id"]
    assert image(pdf).json()["error"]["code"] == 131053
    graph.settings(strict_media=False)
    assert image("123").status_code == 200


@pytest.mark.parametrize("kind", ["image", "video", "audio", "document", "sticker"])
def test_what_a_user_sent_can_be_downloaded(client, graph, receiver, kind):
    graph.inbound(NUMBER, "254712345678", type=kind)
    receiver.wait()

    medium = receiver.messages()[0][kind]
    about = client.call("GET", medium["id"]).json()
    content = client.http.get(medium["url"], timeout=5).content
    assert about["mime_type"] == medium["mime_type"]
    assert base64.b64encode(hashlib.sha256(content).digest()).decode() == medium["sha256"]
    assert client.http.get(about["url"], timeout=5).content == content


def test_a_sample_is_uploaded_in_parts(client):
    query = {"file_name": "a.png", "file_length": len(PNG), "file_type": "image/png"}
    node = client.call("POST", f"{APP}/uploads", params=query).json()["id"]

    def put(offset, content):
        headers = {"Authorization": "OAuth EAAx", "file_offset": str(offset)}
        return client.call("POST", node, headers=headers, data=content).json()

    assert put(0, PNG[:10]) == {"id": node, "file_offset": 10}
    assert client.call("GET", node).json()["file_offset"] == 10
    assert put(5, PNG[5:])["error"]["code"] == 100
    assert put(10, PNG[10:])["h"].startswith("4::")
    assert client.call("GET", node).status_code == 400
