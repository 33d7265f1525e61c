"""Pages of conversations: the list, one thread, and what an open thread asks for and sends.

A thread's page asks every few seconds what is new (`news`) and gets only that, or nothing (204).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from secrets import token_urlsafe
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from companies.roles import Need
from companies.views import PortalRequest, View, company_page, render_page
from config import public_ids
from config.api import ApiError
from contacts.models import Contact
from messaging import chat, chat_lines, chat_replies, payloads
from messaging.chat import Marks
from messaging.chat_replies import Desk
from messaging.conversations import InvalidCursor
from messaging.models import InboundMessage, Media
from messaging.payloads import MAX_CAPTION, MAX_TEXT, Payload

NEWS_SECONDS = 3
LIST_SECONDS = 6
LATEST_LINES = 6
MAX_SEARCH = 100
EMOJI = ("👍", "❤️", "😂", "😮", "😢", "🙏")

# Our codes in the words of this page; others speak for themselves.
_ERRORS = {
    "insufficient_credits": _("There is not enough credit left: ask Tuma’s staff for more."),
    "no_valid_recipients": _("This person does not want messages from you any more."),
    "conversation_closed": _("This conversation can’t be answered any more, as it says above."),
    "idempotency_conflict": _("This was sent already. Reload the page to see it."),
    "payload_too_large": _("The file is too large: WhatsApp takes up to 16 MB."),
    "unsupported_format": _(
        "WhatsApp does not take this kind of file. It takes JPG, PNG, WebP, MP4, 3GP, MP3, OGG, AMR, "
        "PDF and office documents."
    ),
    "invalid_media": _("WhatsApp would not take this file: %(words)s"),
}


class ReplyForm(forms.Form):
    """What is typed or attached; one of both is needed. `key` is the form's own, so that a double click
    sends once.
    """

    key = forms.CharField(max_length=chat_replies.MAX_KEY, widget=forms.HiddenInput)
    answers = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    text = forms.CharField(required=False, strip=True, label=_("Message"))
    file = forms.FileField(required=False, label=_("Attach a file"), max_length=None)

    def clean_text(self) -> str:
        return str(self.cleaned_data["text"]).replace("\r\n", "\n").replace("\x00", "")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        text, file = data.get("text", ""), data.get("file")
        most = MAX_CAPTION if file else MAX_TEXT
        if not text and not file and not self.errors:
            raise forms.ValidationError(gettext("Write something first."))
        if len(text) > most:
            raise forms.ValidationError(
                gettext("WhatsApp takes %(most)s characters here; these are %(number)s.")
                % {"most": f"{most:,}", "number": f"{len(text):,}"}
            )
        return data


# --- The list --------------------------------------------------------------------------


def _people(request: PortalRequest) -> dict[str, Any]:
    search = request.GET.get("q", "").strip()[:MAX_SEARCH].replace("\x00", "")
    before, unread = request.GET.get("before", ""), "unread" in request.GET
    page = _cursor_or_404(
        lambda: chat.people(request.company, before=before, search=search, unread=unread)
    )
    return {
        "people": page,
        "search": search,
        "unread_only": unread,
        "older": page.older,
        "list_seconds": 0 if before or search else LIST_SECONDS,
    }


def _cursor_or_404(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except InvalidCursor as error:
        raise Http404 from error


@require_safe
@company_page(Need.READ)
def conversations(request: PortalRequest) -> HttpResponse:
    """Who has written, the latest first; `?q=` searches, `?unread` leaves out what was read, `?before=`
    goes on.
    """
    return render_page(request, "chat/conversations.html", _people(request))


@require_safe
@company_page(Need.READ)
def conversation_list(request: PortalRequest) -> HttpResponse:
    """The first page of the list again, if it is not what `?version=` was; `?open=` is the thread that
    stands beside it.
    """
    unread = "unread" in request.GET
    page = chat.people(request.company, unread=unread)
    if page.version == request.GET.get("version"):
        return HttpResponse(status=204)
    context = {
        "people": page,
        "unread_only": unread,
        "older": page.older,
        "list_seconds": LIST_SECONDS,
        "open_id": request.GET.get("open", ""),
    }
    return render(request, "chat/_people.html", context)


# --- A thread --------------------------------------------------------------------------


def chat_page(need: Need) -> Callable[[View], View]:
    """As company_page; the view gets the contact that the path names, and under which ids its messages
    are stored.
    """

    def decorate(view: View) -> View:
        @company_page(need)
        @wraps(view)
        def page(request: PortalRequest, public_id: str) -> HttpResponseBase:
            contact = chat.find(request.company, public_id)
            if contact is None:
                raise Http404
            return view(request, contact, chat.ids_of(contact))

        return page

    return decorate


@require_safe
@chat_page(Need.READ)
def conversation(request: PortalRequest, contact: Contact, ids: list[int]) -> HttpResponse:
    """The list, and beside it the thread's latest lines."""
    return _conversation_page(request, contact, ids)


def _conversation_page(
    request: PortalRequest,
    contact: Contact,
    ids: list[int],
    form: ReplyForm | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    thread = chat.thread(ids)
    marks = chat.marks(ids, thread.lines)
    context = {
        **_people(request),
        **_state(contact, chat_replies.desk(contact, ids, now=timezone.now())),
        "open_id": contact.public_id,
        "thread": thread,
        "marks": marks,
        "unread": chat.unread_up_to(contact, marks.received),
        "unread_id": public_ids.encode(chat_lines.IN, marks.received) if marks.received else "",
        "form": form or _new_form(),
        "emoji": EMOJI,
        "news_seconds": NEWS_SECONDS,
        "max_text": MAX_TEXT,
    }
    return render_page(request, "chat/conversation.html", context, status=status)


def _new_form() -> ReplyForm:
    return ReplyForm(initial={"key": token_urlsafe(16)})


def _state(contact: Contact, desk: Desk) -> dict[str, Any]:
    return {"contact": contact, "desk": desk}


@require_safe
@chat_page(Need.READ)
def older_lines(request: PortalRequest, contact: Contact, ids: list[int]) -> HttpResponse:
    """The lines before `?before=`, to stand above those that are there."""
    before = request.GET.get("before", "")
    thread = _cursor_or_404(lambda: chat.thread(ids, before=before))
    first_day = _day(request.GET.get("day", ""))
    context = {
        "contact": contact,
        "thread": thread,
        # The day's mark moves up to the first of its lines.
        "marked_day": first_day if any(line.day == first_day for line in thread.lines) else None,
        "may": request.may,
    }
    return render(request, "chat/_older.html", context)


@require_safe
@chat_page(Need.READ)
def latest_lines(request: PortalRequest, contact: Contact, ids: list[int]) -> HttpResponse:
    """The end of the conversation, as the contact's page shows it: to read only."""
    context = {"contact": contact, "thread": chat.thread(ids, limit=LATEST_LINES)}
    return render(request, "chat/_latest.html", context)


@require_safe
@chat_page(Need.READ)
def news(request: PortalRequest, contact: Contact, ids: list[int]) -> HttpResponse:
    """What the open page lacks, by the marks that it gives; 204 where it lacks nothing."""
    since = Marks(
        received=_whole(request.GET.get("received")),
        sent=_whole(request.GET.get("sent")),
        day=_day(request.GET.get("day", "")),
    )
    watched = [each.partition(":") for each in request.GET.getlist("line")[: chat.MAX_WATCHED]]
    found = chat.news(ids, since=since, watched={name: state for name, _colon, state in watched})
    desk = chat_replies.desk(contact, ids, now=timezone.now())
    is_same_state = desk.version == request.GET.get("state")
    if not found and is_same_state and found.marks == since:
        return HttpResponse(status=204)
    unread = chat.unread_up_to(contact, found.marks.received)
    context = {
        **_state(contact, desk),
        "news": found,
        "marks": found.marks,
        "is_same_state": is_same_state,
        "unread": unread,
        "unread_id": public_ids.encode(chat_lines.IN, unread) if unread else "",
        "news_seconds": NEWS_SECONDS,
        "may": request.may,
    }
    return render(request, "chat/_news.html", context)


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


# --- Answering -------------------------------------------------------------------------


@require_POST
@chat_page(Need.SEND)
def send(request: PortalRequest, contact: Contact, ids: list[int]) -> HttpResponse:
    """Accept an answer. It appears with the news, like all that is said."""
    form = ReplyForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            _send(request, contact, ids, form)
        except ApiError as error:
            form.add_error(None, _words(error))
    return _after_sending(request, contact, ids, form)


def _send(request: PortalRequest, contact: Contact, ids: list[int], form: ReplyForm) -> None:
    now, data = timezone.now(), form.cleaned_data
    desk = chat_replies.desk(contact, ids, now=now)
    if not desk.is_open:
        raise chat_replies.NoAnswer("closed")
    payload = _content(request, form)
    if data["answers"]:
        payload = payloads.reply(payload, wamid=_wamid(data["answers"], ids))
    _accept(request, desk, payload, form_key=data["key"])


def _content(request: PortalRequest, form: ReplyForm) -> Payload:
    text, upload = form.cleaned_data["text"], form.cleaned_data["file"]
    if not upload:
        return chat_replies.content(text, None)
    file = chat_replies.keep_file(
        request.company,
        upload.file,
        name=upload.name,
        form_key=form.cleaned_data["key"],
        now=timezone.now(),
    )
    if text and file.kind in (Media.Kind.AUDIO, Media.Kind.STICKER):
        raise ApiError(
            gettext("Sound and stickers take no words with them: send those on their own.")
        )
    return chat_replies.content(text, file)


def _wamid(public_id: str, ids: list[int]) -> str:
    row = chat.row(public_id, ids)
    if row is None or not row.wamid:
        raise ApiError(gettext("The message that you answer is not there any more."))
    return row.wamid


def _accept(request: PortalRequest, desk: Desk, payload: Payload, *, form_key: str) -> None:
    chat_replies.send(
        request.company,
        desk,
        payload,
        form_key=form_key,
        now=timezone.now(),
        request_id=getattr(request, "request_id", ""),
    )


def _words(error: ApiError) -> str:
    words = str(_ERRORS.get(error.error_code, "%(words)s"))
    return words % {"words": error.message}


def _after_sending(
    request: PortalRequest, contact: Contact, ids: list[int], form: ReplyForm
) -> HttpResponse:
    """An empty form, or the same with what was wrong; the whole page for a browser without scripts."""
    is_sent = form.is_valid()
    if not getattr(request, "htmx", False):
        if is_sent:
            return redirect("conversation", contact.public_id)
        return _conversation_page(request, contact, ids, form, status=422)
    context = {
        "contact": contact,
        "form": _new_form() if is_sent else form,
        "max_text": MAX_TEXT,
        "may": request.may,
        "was_sent": True,
    }
    response = render(request, "chat/_composer.html", context, status=200 if is_sent else 422)
    if is_sent:
        response["HX-Trigger"] = "chat-news"
    return response


@require_POST
@chat_page(Need.SEND)
def react(request: PortalRequest, contact: Contact, ids: list[int]) -> HttpResponse:
    """Put an emoji on a message of theirs, or take it away (an empty one)."""
    emoji, key = request.POST.get("emoji", ""), request.POST.get("key", "")
    row = chat.row(request.POST.get("message", ""), ids)
    if not isinstance(row, InboundMessage) or emoji not in ("", *EMOJI) or not key:
        raise Http404
    desk = chat_replies.desk(contact, ids, now=timezone.now())
    try:
        payload = payloads.reaction(wamid=row.wamid, emoji=emoji)
        _accept(request, desk, payload, form_key=key)
    except ApiError as error:
        return HttpResponse(_words(error), status=422, content_type="text/plain; charset=utf-8")
    if not getattr(request, "htmx", False):
        return redirect("conversation", contact.public_id)
    response = HttpResponse(status=204)
    response["HX-Trigger"] = "chat-news"
    return response


@require_POST
@chat_page(Need.SEND)
def read(request: PortalRequest, contact: Contact, ids: list[int]) -> HttpResponse:
    """Somebody has the person's messages up to this one before their eyes."""
    row = chat.row(request.POST.get("up_to", ""), ids)
    if not isinstance(row, InboundMessage):
        raise Http404
    chat.mark_read(contact, up_to=row.pk)
    return HttpResponse(status=204)
