"""--state FILE: templates, numbers and the metadata of media over a restart."""

import logging
import os
from dataclasses import asdict
from pathlib import Path

import orjson

from .numbers import Number, Waba
from .state import State, TokenFacts

logger = logging.getLogger(__name__)


def save(state: State, path: Path) -> None:
    """Write beside the file and put it in its place, so that a crash leaves the old one."""
    document = {
        "wabas": [asdict(waba) for waba in state.numbers.wabas.values()],
        "numbers": [
            {**asdict(number), "bucket": None} for number in state.numbers.numbers.values()
        ],
        "templates": state.templates.export(),
        "media": state.media.export(),
        "revoked": sorted(state.revoked),
        "tokens": {name: asdict(facts) for name, facts in state.tokens.items()},
        "subscriptions": state.subscriptions,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".tmp")
    draft.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    os.replace(draft, path)


def load(state: State, path: Path) -> None:
    if not path.exists():
        return
    try:
        document = orjson.loads(path.read_bytes())
        state.numbers.wabas = {row["id"]: Waba(**row) for row in document["wabas"]}
        state.numbers.numbers = {row["id"]: Number(**row) for row in document["numbers"]}
        state.templates.restore(document["templates"])
        state.media.restore(document["media"])
        state.revoked = set(document["revoked"])
        state.subscriptions = document["subscriptions"]
        state.tokens = {
            name: TokenFacts(**{**facts, "scopes": tuple(facts["scopes"])})
            for name, facts in document.get("tokens", {}).items()
        }
    except (ValueError, KeyError, TypeError) as error:
        logger.warning("sandbox: %s is no state file, starting afresh: %s", path, error)
