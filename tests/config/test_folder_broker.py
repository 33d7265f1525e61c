"""The folder broker: whole messages, one reader each, and a folder that may be wiped."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

import config.celery  # noqa: F401 - registers the transport


@pytest.fixture
def broker(tmp_path: Path) -> Any:
    folder = str(tmp_path / "queue")
    options = {"data_folder_in": folder, "data_folder_out": folder}
    with Connection("filesystem://", transport_options=options) as connection:
        yield connection


def test_many_writers_and_readers_lose_and_double_nothing(broker: Any) -> None:
    queue = broker.SimpleQueue("tuma")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: broker.clone().SimpleQueue("tuma").put(number), range(200)))

    def read(_: int) -> list[int]:
        mine, got = broker.clone().SimpleQueue("tuma"), []
        while True:
            try:
                message = mine.get(block=False)
            except Empty:
                return got
            message.ack()
            got.append(message.payload)

    with ThreadPoolExecutor(4) as pool:
        got = [number for part in pool.map(read, range(4)) for number in part]

    assert sorted(got) == list(range(200))
    queue.close()


def test_a_wiped_folder_is_made_again(broker: Any, tmp_path: Path) -> None:
    queue = broker.SimpleQueue("tuma")
    queue.put("lost")
    shutil.rmtree(tmp_path)

    with pytest.raises(Empty):
        queue.get(block=False)
    queue.put("found")

    assert queue.get(block=False).payload == "found"


def test_a_file_that_is_no_message_is_dropped(broker: Any, tmp_path: Path) -> None:
    queue = broker.SimpleQueue("tuma")
    (tmp_path / "queue").mkdir(exist_ok=True)
    (tmp_path / "queue" / "0_x.tuma.msg").write_text("")
    queue.put("good")

    assert queue.get(block=False).payload == "good"
