"""AmanahAgent's resources. Sending shares its path with EngageLab: a Basic Authorization header tells."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import orjson
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from companies.keys import Caller
from config import public_ids
from config.api import Answer, ApiError
from contacts import services as contacts
from contacts.models import Contact
from messaging import analytics
from messaging.dialects import AMANAHAGENT, ENGAGELAB
from messaging.dialects import amanahagent_shapes as shapes
from messaging.dialects.amanahagent import Refused, phone
from messaging.dialects.base import author, own_channel
from messaging.dialects.views import DialectView, NotFoundView, SendView
from messaging.models import Message
from templates_app import services as templates
from templates_app.models import Template

MAX_LIMIT = 100
MAX_PAGE = 1_000_000
MAX_NAME = 200
MAX_TAG = 80
MAX_TAGS = 100
_DIGITS = re.compile(r"\d{1,9}", re.ASCII)

Row = TypeVar("Row", bound=Model)


class MessagesView(SendView):
    """POST of a message, in either dialect."""

    def setup(self, request: HttpRequest, *args: Any, **url: Any) -> None:
        super().setup(request, *args, **url)
        scheme = request.headers.get("Authorization", "").strip().partition(" ")[0]
        self.dialect = ENGAGELAB if scheme.lower() == "basic" else AMANAHAGENT


class MessageView(DialectView):
    dialect = AMANAHAGENT

    def get(self, request: HttpRequest, caller: Caller, *, message_id: str) -> Answer:
        pk = public_ids.decode("msg", message_id)
        mine = Message.objects.select_related("batch").filter(company_id=caller.company_id)
        message = mine.filter(pk=pk).first() if pk else None
        if message is None:
            raise ApiError("There is no such message", code="message_not_found", status=404)
        return Answer(200, shapes.message(message))


class ContactsView(DialectView):
    dialect = AMANAHAGENT

    def get(self, request: HttpRequest, caller: Caller) -> Answer:
        found = contacts.address_book(
            company_id=caller.company_id,
            search=query_text(request, "search").strip(),
            tags=[tag for tag in map(str.strip, query_text(request, "tags").split(",")) if tag],
        )
        return Answer(200, page(request, "contacts", found, shown_contacts))

    def post(self, request: HttpRequest, caller: Caller) -> Answer:
        data, body = self.read_object(request)
        save = partial(
            contacts.save_contact,
            company_id=caller.company_id,
            phone=phone(data.get("phone"), field="phone", country=caller.country),
            name=_name(data.get("name")),
            tags=_tags(data.get("tags")),
            custom_fields=_custom_fields(data.get("custom_fields")),
        )

        def make() -> Answer:
            try:
                contact, is_new = save()
            except contacts.TooManyFields:
                raise _too_many_fields() from None
            return Answer(201 if is_new else 200, shown_contacts([contact])[0])

        return self.once(request, caller, body, make)


class TemplatesView(DialectView):
    dialect = AMANAHAGENT

    def get(self, request: HttpRequest, caller: Caller) -> Answer:
        found = Template.objects.filter(company_id=caller.company_id).order_by("pk")
        # What nobody has submitted yet is no affair of programs.
        found = found.exclude(status__in=(Template.Status.DELETED, Template.Status.DRAFT))
        return Answer(200, page(request, "templates", found, shown_templates))

    def post(self, request: HttpRequest, caller: Caller) -> Answer:
        data, body = self.read_object(request)
        try:
            templates.written(data, samples=False)
        except templates.InvalidTemplate as invalid:
            raise _by_field(invalid) from None

        def make() -> Answer:
            channel = own_channel(caller)
            try:
                template, _warnings = templates.submit(
                    data, channel=channel, by=author(caller), samples=False
                )
            except templates.InvalidTemplate as invalid:
                raise _by_field(invalid) from None
            return Answer(201, shapes.template(template))

        return self.once(request, caller, body, make)


def _by_field(invalid: templates.InvalidTemplate) -> ApiError:
    """This vendor's code names the field, and whether it is missing or invalid."""
    field = re.split(r"[.\[]", invalid.param)[0]
    why = "missing" if invalid.errors[0].code == f"{field}_missing" else "invalid"
    return ApiError(invalid.message, code=f"{why}_{field}", param=invalid.param)


class UsageView(DialectView):
    dialect = AMANAHAGENT

    def get(self, request: HttpRequest, caller: Caller) -> Answer:
        period = analytics.period_of(
            period=query_text(request, "period"),
            start_date=query_text(request, "start_date"),
            end_date=query_text(request, "end_date"),
            now=timezone.now(),
            zone=caller.time_zone,
        )
        return Answer(200, analytics.usage(period, company_id=caller.company_id))


class UnknownPathView(NotFoundView):
    dialect = AMANAHAGENT


def shown_contacts(people: Sequence[Contact]) -> list[dict[str, Any]]:
    tags = contacts.tag_names(people)
    return [shapes.contact(contact, tags[contact.pk]) for contact in people]


def shown_templates(found: Sequence[Template]) -> list[dict[str, Any]]:
    return [shapes.template(template) for template in found]


def page(
    request: HttpRequest,
    name: str,
    rows: QuerySet[Row],
    shown: Callable[[Sequence[Row]], list[dict[str, Any]]],
) -> dict[str, Any]:
    """`?page=` (from 1) of `?limit=` rows (1 to 100), under `name`."""
    number = _number(request, "page", default=1, most=MAX_PAGE)
    limit = _number(request, "limit", default=50, most=MAX_LIMIT)
    total = rows.count()
    start = (number - 1) * limit
    return {
        name: shown(list(rows[start : start + limit])) if start < total else [],
        "pagination": {
            "page": number,
            "limit": limit,
            "total": total,
            "total_pages": -(-total // limit),
        },
    }


def _number(request: HttpRequest, name: str, *, default: int, most: int) -> int:
    text = query_text(request, name)
    if not text:
        return default
    number = int(text) if _DIGITS.fullmatch(text) else 0
    if not 1 <= number <= most:
        raise Refused(f"invalid_{name}", f"{name} must be a number from 1 to {most}", name, text)
    return number


def query_text(request: HttpRequest, name: str) -> str:
    text = request.GET.get(name, "")
    if "\x00" in text:
        raise Refused(f"invalid_{name}", f"{name} holds a NUL character", name)
    return text


def _name(name: object) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise Refused(
            "invalid_name", f"name must be a string of at most {MAX_NAME} characters", "name", name
        )
    return name.strip()


def _tags(tags: object) -> list[str]:
    if tags is None:
        return []
    if not isinstance(tags, list) or len(tags) > MAX_TAGS:
        raise Refused("invalid_tags", f"tags must be an array of at most {MAX_TAGS}", "tags")
    for tag in tags:
        if not isinstance(tag, str) or not 1 <= len(tag.strip()) <= MAX_TAG or "," in tag:
            raise Refused(
                "invalid_tags",
                f"a tag must be a string of 1 to {MAX_TAG} characters without commas",
                "tags",
                tag,
            )
    return [tag.strip() for tag in tags]


def _custom_fields(fields: object) -> dict[str, Any]:
    if fields is None:
        return {}
    if not isinstance(fields, dict):
        raise Refused("invalid_custom_fields", "custom_fields must be an object", "custom_fields")
    if len(orjson.dumps(fields)) > contacts.MAX_FIELDS:
        raise _too_many_fields()
    return fields


def _too_many_fields() -> Refused:
    return Refused(
        "invalid_custom_fields",
        f"a contact's custom_fields must be at most {contacts.MAX_FIELDS} bytes of JSON",
        "custom_fields",
    )
