"""From what a person fills in on the Send page to a SendRequest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _

from companies.keys import Caller
from companies.models import Channel, Company
from config import sql
from contacts.models import ContactTag, Tag
from contacts.phones import is_bsuid, to_e164
from contacts.services import UNREACHABLE_FOR
from messaging import compose_content as content
from messaging.batch_control import FARTHEST
from messaging.compose_content import ContentForm
from messaging.compose_template import TemplateForm
from messaging.recipients import Refusing
from messaging.services import SendRequest
from templates_app.models import Template

# The word that stands where API dialects have their name.
PORTAL = "portal"
WINDOW = timedelta(hours=24)
MAX_NUMBERS = 50_000
MAX_TAGS_SHOWN = 200
# People under a tag are counted up to here: it may have a million.
COUNTED_UP_TO = 2_000
MAX_TEMPLATES_SHOWN = 500
# A preview is for the first of the numbers: it reads no more of what was pasted.
MAX_SHOWN = 500

KINDS = [
    ("text", _("Text"), "message"),
    ("media", _("File"), "photo"),
    ("template", _("Template"), "template"),
    ("buttons", _("Buttons"), "corner-up-left"),
    ("list", _("List"), "list-details"),
    ("link", _("Link button"), "external-link"),
]
_FORMS: dict[str, type[ContentForm]] = {
    form.kind: form
    for form in (
        content.TextForm,
        content.MediaForm,
        content.ButtonsForm,
        content.ListForm,
        content.LinkForm,
    )
}
_SEPARATORS = re.compile(r"[\n\r,;\t|]+")


def numbers_in(text: str, *, country: str) -> list[str]:
    """The numbers in what was typed or pasted, one or more a line, whatever stands between them.

    Spaces may part numbers and stand within them: what is a number as a whole is taken for one.
    """
    found: list[str] = []
    for piece in filter(None, map(str.strip, _SEPARATORS.split(text))):
        parts = piece.split()
        if any(map(is_bsuid, parts)):
            found += parts
        elif len(parts) > 1 and to_e164(piece, country=country) is None:
            found += parts if any(to_e164(part, country=country) for part in parts) else [piece]
        else:
            found.append(piece)
    return found


class SendForm(forms.Form):
    """From where, to whom, and when; what is sent is a ContentForm beside it."""

    channel = forms.ModelChoiceField(
        label=_("From"), queryset=Channel.objects.none(), empty_label=None
    )
    kind = forms.ChoiceField(choices=[(kind, words) for kind, words, _icon in KINDS])
    numbers = forms.CharField(
        label=_("Phone numbers"),
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 5, "autocomplete": "off", "spellcheck": "false", "dir": "ltr"}
        ),
        help_text=_("Type them, or paste a column of a spreadsheet."),
    )
    tags = forms.ModelMultipleChoiceField(
        label=_("People under these tags"), queryset=Tag.objects.none(), required=False
    )
    when = forms.ChoiceField(
        label=_("When"),
        choices=[("now", _("Now")), ("later", _("Later"))],
        initial="now",
        widget=forms.RadioSelect,
    )
    day = forms.DateField(
        label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    at = forms.TimeField(
        label=_("Time"), required=False, widget=forms.TimeInput(attrs={"type": "time"})
    )
    # Chosen on the page of the dry run.
    even_closed = forms.BooleanField(required=False)
    even_unreachable = forms.BooleanField(required=False)

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.company = company
        self.channels = connected_channels(company)
        self.fields["channel"].queryset = self.channels  # type: ignore[attr-defined]
        self.fields["tags"].queryset = Tag.objects.filter(company=company)  # type: ignore[attr-defined]
        today = timezone.localdate()
        self.fields["day"].widget.attrs |= {
            "min": today.isoformat(),
            "max": (today + FARTHEST).isoformat(),
        }

    def clean_numbers(self) -> list[str]:
        found = numbers_in(self.cleaned_data["numbers"], country=self.company.country)
        if len(found) > MAX_NUMBERS:
            raise forms.ValidationError(
                _("At most %(most)s numbers; import more as contacts, and send to their tag."),
                params={"most": f"{MAX_NUMBERS:,}"},
            )
        return found

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("numbers") and not data.get("tags") and not self.has_error("numbers"):
            self.add_error("numbers", _("Give a number, or choose a tag."))
        data["due_at"] = None
        if data.get("when") == "later":
            data["due_at"] = cleaned_moment(self, data)
        return data

    def people_so_far(self) -> tuple[list[str], list[str]]:
        """The first number that is filled in, and the tags that are chosen, right or wrong."""
        country = self.company.country
        found = numbers_in(str(self["numbers"].value() or "")[:MAX_SHOWN], country=country)
        numbers = filter(None, (to_e164(number, country=country) for number in found))
        tags = [str(getattr(tag, "pk", tag)) for tag in self["tags"].value() or []]
        return list(numbers)[:1], tags

    @property
    def chosen_channel(self) -> Channel | None:
        """The channel as it is chosen now, whether or not all the rest is filled in."""
        chosen = str(self["channel"].value() or "")
        return next((each for each in self.channels if str(each.pk) == chosen), None)


class MomentForm(forms.Form):
    """Another time for a scheduled batch; `due_at` once it is valid."""

    day = SendForm.base_fields["day"]
    at = SendForm.base_fields["at"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        data["due_at"] = cleaned_moment(self, data)
        return data


def cleaned_moment(form: forms.Form, data: Mapping[str, Any]) -> datetime | None:
    """Day and time of the form in the company's time zone; None with what is wrong noted on it."""
    day, at = data.get("day"), data.get("at")
    for name, value in (("day", day), ("at", at)):
        if value is None and not form.has_error(name):
            form.add_error(name, _("This field is required."))
    if day is None or at is None:
        return None
    moment = local_moment(day, at)
    if moment is None:
        form.add_error("at", _("The clocks are put forward over this time: choose another."))
    elif moment <= timezone.now():
        form.add_error("at", _("This time has passed."))
    elif moment > timezone.now() + FARTHEST:
        form.add_error("day", _("A send can be scheduled for the next 30 days."))
    return moment


def local_moment(day: date, at: time) -> datetime | None:
    """A time on the company's clocks; None where they jump over it. Of two the first."""
    naive = datetime.combine(day, at)
    moment = timezone.make_aware(naive).astimezone(UTC)
    there = timezone.localtime(moment).replace(tzinfo=None)
    return moment if there == naive else None


def connected_channels(company: Company) -> QuerySet[Channel]:
    connected = Channel.objects.filter(company=company, status=Channel.Status.CONNECTED)
    return connected.order_by("-is_default", "name", "pk")


def approved_templates(channel: Channel | None, company: Company) -> QuerySet[Template]:
    """Those that a channel may send: the approved ones of its WABA."""
    known = Template.objects.filter(company=company, status=Template.Status.APPROVED)
    return known.filter(waba_id=channel.waba_id if channel else None).order_by("name", "language")


def tag_choices(company: Company) -> list[tuple[Tag, int]]:
    """The company's tags with how many people they have, COUNTED_UP_TO + 1 for more than that."""
    tags = list(Tag.objects.filter(company=company).order_by("name")[:MAX_TAGS_SHOWN])
    table = ContactTag._meta.db_table
    counts = dict(
        sql.fetch(
            f"""SELECT t.id, (SELECT count(*) FROM (SELECT 1 FROM {table}
                WHERE tag_id = t.id LIMIT {COUNTED_UP_TO + 1}) AS first)
            FROM {Tag._meta.db_table} t WHERE {sql.in_list("t.id")}""",
            [sql.id_list([tag.pk for tag in tags])],
        )
    )
    return [(tag, counts[tag.pk]) for tag in tags]


@dataclass
class Composition:
    """What was filled in so far: two forms, of which one depends on what the other says."""

    company: Company
    send: SendForm
    content: ContentForm | None  # None while no template is chosen
    kind: str
    template: Template | None = None

    def is_valid(self) -> bool:
        """Whether all is right; each form has its errors."""
        valid = self.send.is_valid()
        return self.content is not None and self.content.is_valid() and valid

    def request(self, *, now: datetime) -> SendRequest:
        """Only of a valid one. Free-form messages reach whoever wrote in the day before they go."""
        assert self.content is not None  # noqa: S101 - it is valid
        data = self.send.cleaned_data
        due_at: datetime | None = data["due_at"]
        free_form = self.template is None
        heard_since = (due_at or now) - WINDOW if free_form and not data["even_closed"] else None
        return SendRequest(
            channel=data["channel"],
            payload=self.content.payload,
            template=self.template,
            numbers=data["numbers"],
            tags=[tag.pk for tag in data["tags"]],
            due_at=due_at,
            refusing=Refusing(
                heard_since=heard_since,
                unreachable_since=None if data["even_unreachable"] else now - UNREACHABLE_FOR,
            ),
            dialect=PORTAL,
        )


def compose(
    company: Company,
    data: Mapping[str, Any] | None = None,
    files: MultiValueDict[str, Any] | None = None,
    *,
    initial: Mapping[str, Any] | None = None,
    is_new_kind: bool = False,
) -> Composition:
    """The forms for what was posted, or empty ones (with `initial` values).

    `is_new_kind`: the fields for what is sent have just been chosen, so nothing is missing there yet.
    """
    send = SendForm(data, company=company, initial=_with_defaults(company, initial))
    kind = str(send["kind"].value() or "")
    kind = kind if kind in {name for name, _words, _icon in KINDS} else "text"
    if is_new_kind:
        filled_in: tuple[Any, Any] = (None, None)
        initial = {**(data or {})} if not isinstance(data, MultiValueDict) else data.dict()
    else:
        filled_in = (data, files)
    if kind != "template":
        form = _FORMS[kind](*filled_in, company=company, initial=initial)
        return Composition(company, send, form, kind)
    chosen = (data or initial or {}).get("template")
    templates = approved_templates(send.chosen_channel, company)
    named = str(chosen or "")
    template = templates.filter(pk=named).first() if re.fullmatch("[0-9]{1,18}", named) else None
    if template is None:
        return Composition(company, send, None, kind)
    fields = TemplateForm(*filled_in, company=company, template=template, initial=initial)
    return Composition(company, send, fields, kind, template)


def _with_defaults(company: Company, initial: Mapping[str, Any] | None) -> dict[str, Any]:
    first = connected_channels(company).first()
    return {"kind": "text", "channel": first.pk if first else None, **(initial or {})}


def caller(company: Company) -> Caller:
    """A company's person, as `services.accept` asks for whoever sends; without a key."""
    return Caller(
        key_id=None,
        key_channel_id=None,
        company_id=company.pk,
        company_active=company.status == Company.Status.ACTIVE,
        country=company.country,
        time_zone=company.time_zone,
        requests_per_minute=company.requests_per_minute,
        prices=company.prices,
        scopes=(),
    )
