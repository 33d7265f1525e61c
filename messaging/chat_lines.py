"""A conversation as its bubbles: what each message shows, what it answers, who reacted to it, how far
it has come. However many lines, it takes the same few queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from html import unescape
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config import public_ids
from messaging import media, personalising, previews
from messaging.conversations import REACTION
from messaging.display import Pill, reason_title, status_pill
from messaging.models import InboundMessage, Media, Message, Status
from templates_app.previews import MEDIA_ICONS, styled

Row = Message | InboundMessage
IN, OUT = "msg_in", "msg"
MEDIA_TYPES = frozenset(MEDIA_ICONS) - {"location"}
MAX_CARDS = 10
MAX_PRODUCTS = 20
_KINDS = {
    "image": gettext_lazy("Photo"),
    "sticker": gettext_lazy("Sticker"),
    "video": gettext_lazy("Video"),
    "audio": gettext_lazy("Sound"),
    "document": gettext_lazy("Document"),
    "location": gettext_lazy("Place"),
}
_CHOSEN = ("button_reply", "list_reply")
_LABELS: dict[str, str | Promise] = {
    "button": gettext_lazy("Tapped"),
    "interactive": gettext_lazy("Chose"),
    "location": gettext_lazy("Place"),
    "contacts": gettext_lazy("Contact cards"),
    "order": gettext_lazy("Order"),
    "edit": gettext_lazy("Changed a message to"),
    "revoke": gettext_lazy("Deleted a message"),
    "system": gettext_lazy("WhatsApp"),
}


@dataclass(frozen=True, kw_only=True)
class File:
    """What can be seen, heard or opened. `url` is empty where there is nothing (yet): then `problem`
    says why.
    """

    kind: str
    name: str
    url: str = ""
    problem: str = ""
    is_coming: bool = False

    @property
    def is_ours(self) -> bool:
        """Served by us: a page shows nothing from elsewhere."""
        return self.url.startswith("/")

    @property
    def title(self) -> str:
        """Its name if somebody gave it one, else what it is."""
        return self.name or str(_KINDS.get(self.kind, self.kind))

    @property
    def icon(self) -> str:
        return MEDIA_ICONS.get(self.kind, "file-text")


@dataclass(kw_only=True)
class Line:
    """One message in a conversation. `id` is its public id."""

    id: str
    wamid: str
    is_mine: bool
    at: datetime
    label: str = ""
    head: SafeString | str = ""
    body: SafeString | str = ""
    foot: str = ""
    buttons: Sequence[str] = ()
    cards: Sequence[str] = ()
    link: str = ""
    file: File | None = None
    answers: str = ""  # the wamid of what it answers
    quote: Line | None = None
    reactions: list[str] = field(default_factory=list)
    pill: Pill | None = None
    problem: str = ""
    starts_day: bool = False
    # Changes whenever the bubble would look different; what is settled is not watched.
    state: str = ""
    is_settled: bool = True

    @property
    def day(self) -> date:
        return timezone.localtime(self.at).date()

    @property
    def summary(self) -> str:
        """One line of it, for a quote or a list."""
        words = self.body or self.head or (self.cards[0] if self.cards else "")
        if words:
            return " ".join(unescape(strip_tags(str(words))).split())
        return self.file.title if self.file else self.label


# --- Single messages -------------------------------------------------------------------


def of(row: Row) -> Line:
    """The message alone: quotes and reactions come with `lines`, as does what a person’s values make of
    it (personalising.look_up).
    """
    return _sent(row) if isinstance(row, Message) else _received(row)


def _sent(message: Message) -> Line:
    batch = message.batch
    payload = message.payload if isinstance(message.payload, dict) else {}
    status = Status(message.status)
    line = Line(
        id=message.public_id,
        wamid=message.wamid or "",
        is_mine=True,
        at=message.created_at,
        answers=str((payload.get("context") or {}).get("message_id") or ""),
        pill=status_pill(status),
        state=str(int(status)),
        is_settled=status in (Status.READ, Status.FAILED),
    )
    if status == Status.FAILED:
        line.problem = reason_title(message.error_code) or message.error_detail
    if batch.content_type in ("location", "contacts", REACTION):
        _describe(line, batch.content_type, payload.get(batch.content_type))
        return line
    bubble = previews.words_of(payload, template=batch.template, hide=previews.is_secret(batch))
    line.head, line.body, line.foot = bubble.head, bubble.body, bubble.foot
    line.buttons = bubble.buttons
    if bubble.media_icon:
        line.file = _sent_file(payload, bubble.media_name)
    return line


def _sent_file(payload: dict[str, Any], name: str) -> File | None:
    for kind, content in media.all_in(payload):
        own = str(content.get("id", ""))
        if own.startswith(f"{media.PREFIX}_"):
            url = reverse("inbound_media", args=[own])
            return File(kind=kind, name=str(content.get("filename") or ""), url=url)
        return File(kind=kind, name=name, url=str(content.get("link") or ""))
    return None


def _received(message: InboundMessage) -> Line:
    line = Line(
        id=public_ids.encode(IN, message.pk),
        wamid=message.wamid,
        is_mine=False,
        at=message.sent_at,
        answers=message.reply_to if message.type != REACTION else "",
    )
    payload = message.payload if isinstance(message.payload, dict) else {}
    if message.type in MEDIA_TYPES:
        line.file = _received_file(message)
        line.is_settled = not line.file.is_coming
        line.state = "waits" if line.file.is_coming else "here"
        content = payload.get(message.type)
        line.body = styled(str(content.get("caption") or "")) if isinstance(content, dict) else ""
    else:
        line.body = styled(message.text)
        _describe(line, message.type, payload.get(message.type))
    return line


def _received_file(message: InboundMessage) -> File:
    content = message.payload.get(message.type)
    name = str(content.get("filename") or "") if isinstance(content, dict) else ""
    stored: Media | None = message.stored_media
    if stored:
        url = reverse("inbound_media", args=[stored.public_id])
        return File(kind=message.type, name=name, url=url)
    if message.media_due_at:
        return File(kind=message.type, name=name, problem=_("It is being fetched…"), is_coming=True)
    problem = message.media_problem or _("It is not kept any more.")
    return File(kind=message.type, name=name, problem=problem)


def _describe(line: Line, kind: str, content: Any) -> None:
    """What is no text, in words."""
    line.label = str(_LABELS.get(kind, ""))
    if kind == REACTION and isinstance(content, dict):
        line.body = _("Reacted %(emoji)s") % {"emoji": content.get("emoji") or "–"}
    elif kind == "location" and isinstance(content, dict):
        _place(line, content)
    elif kind == "contacts" and isinstance(content, list):
        line.body, line.cards = "", [_card(each) for each in content[:MAX_CARDS]]
    elif kind == "interactive" and isinstance(content, dict):
        _chosen(line, content)
    elif kind == "order" and isinstance(content, dict):
        products = [p for p in content.get("product_items") or [] if isinstance(p, dict)]
        line.cards = [
            f"{p.get('quantity', 1)} × {p.get('product_retailer_id', '?')}"
            for p in products[:MAX_PRODUCTS]
        ]
    elif kind == "edit" and isinstance(content, dict):
        changed = content.get("message") or {}
        text = changed.get("text") if isinstance(changed, dict) else None
        line.body = styled(str(text.get("body", ""))) if isinstance(text, dict) else line.body
    elif kind == "unsupported" or (not line.body and not line.label):
        line.label = _("WhatsApp does not pass on this kind of message.")


def _place(line: Line, content: dict[str, Any]) -> None:
    latitude, longitude = content.get("latitude"), content.get("longitude")
    words = [content.get("name"), content.get("address")]
    line.body = ", ".join(str(each) for each in words if each) or f"{latitude}, {longitude}"
    if isinstance(latitude, int | float) and isinstance(longitude, int | float):
        line.link = (
            f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}"
            f"#map=16/{latitude}/{longitude}"
        )


def _card(person: Any) -> str:
    if not isinstance(person, dict):
        return ""
    name = person.get("name")
    called = str(name.get("formatted_name", "")) if isinstance(name, dict) else ""
    phones = [str(p.get("phone", "")) for p in person.get("phones") or [] if isinstance(p, dict)]
    return ", ".join(filter(None, [called, *phones]))


def _chosen(line: Line, content: dict[str, Any]) -> None:
    kind = str(content.get("type", ""))
    reply = content.get(kind)
    if kind == "nfm_reply":
        line.label = _("Filled in a form")
    elif kind in _CHOSEN and isinstance(reply, dict):
        line.foot = str(reply.get("description") or "")


# --- Many ------------------------------------------------------------------------------


def lines(rows: Sequence[Row], *, people: Sequence[int], after: date | None = None) -> list[Line]:
    """Rows in their order, with what each answers and the reactions to it. `after` is the day of what
    stands before them; a new day is marked on its first line.
    """
    personalising.look_up(rows)
    made = [of(row) for row in rows]
    _add_quotes(made, people)
    _add_reactions(made, people)
    for line in made:
        line.starts_day = line.day != after
        after = line.day
    return made


def _add_quotes(made: Sequence[Line], people: Sequence[int]) -> None:
    wanted = {line.answers for line in made if line.answers}
    known = {line.wamid: line for line in made if line.wamid in wanted}
    missing = wanted - known.keys()
    if missing:
        rows = by_wamid(missing, people)
        personalising.look_up(rows)
        known |= {line.wamid: line for line in map(of, rows)}
    for line in made:
        line.quote = known.get(line.answers)


def by_wamid(wamids: Iterable[str], people: Sequence[int]) -> list[Row]:
    """These messages of the conversation, in no order."""
    wanted = list(wamids)
    sent = Message.objects.select_related("batch__template").filter(contact__in=people)
    got = InboundMessage.objects.select_related("stored_media").filter(contact__in=people)
    return [*sent.filter(wamid__in=wanted), *got.filter(wamid__in=wanted)]


def _add_reactions(made: Sequence[Line], people: Sequence[int]) -> None:
    """Each side has at most one on a message, its latest; an empty one takes it away."""
    targets = {line.wamid: line for line in made if line.wamid}
    if not targets:
        return
    latest: dict[tuple[str, bool], str] = {}
    theirs = InboundMessage.objects.filter(
        contact__in=people, type=REACTION, reply_to__in=list(targets)
    )
    for wamid, text in theirs.order_by("sent_at", "pk").values_list("reply_to", "text"):
        latest[wamid, False] = text
    ours = Message.objects.filter(
        ~Q(status=Status.FAILED),
        contact__in=people,
        batch__content_type=REACTION,
        created_at__gte=min(line.at for line in made),
    )
    for payload in ours.order_by("created_at", "pk").values_list("batch__payload", flat=True):
        reaction = payload.get(REACTION) or {}
        latest[str(reaction.get("message_id", "")), True] = str(reaction.get("emoji", ""))
    for (wamid, _is_ours), emoji in sorted(latest.items(), key=lambda item: item[0][1]):
        if emoji and wamid in targets:
            targets[wamid].reactions.append(emoji)
