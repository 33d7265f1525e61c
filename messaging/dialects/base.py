"""What a dialect is: a translator between one vendor's HTTP and our SendRequest. It never sends,
never decides, and reads the database only through the core's own lookups.

To add one: a subclass in its own file, its paths in messaging/urls.py, its recorded examples in
tests/dialects/.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest

from companies import channels
from companies.keys import Caller
from companies.models import ApiKey, Channel
from config.api import Answer, ApiError
from messaging import payloads
from messaging.models import Batch, Message
from messaging.payloads import Payload
from messaging.services import SendRequest
from templates_app import parameters
from templates_app.models import Template
from templates_app.workflow import Author


def author(caller: Caller) -> Author:
    """Who writes when a program does, as the history of what it wrote names it."""
    key = ApiKey.objects.filter(pk=caller.key_id or 0).first()
    return Author(label=f"API key {key.name}" if key else "API")


class Unauthenticated(ApiError):
    """No key, or none that we know: the dialect says which, in its vendor's words."""

    code = "invalid_api_key"
    status = 401


class Dialect:
    """One vendor's contract."""

    slug: ClassVar[str]
    # Separate counters: a dialect with its own documented limit doesn't use up another's.
    rate_scope: ClassVar[str] = "api"
    # What a 401 asks for.
    challenge: ClassVar[str] = 'Bearer realm="Tuma"'

    def requests_per_minute(self) -> int:
        """The limit of a key whose company has none of its own."""
        return int(settings.API_REQUESTS_PER_MINUTE)

    def key(self, request: HttpRequest) -> str:
        """The whole API key that the request carries; raises Unauthenticated where there is none."""
        raise NotImplementedError

    def send_request(
        self, data: dict[str, Any], *, caller: Caller, url: dict[str, Any]
    ) -> SendRequest:
        """The vendor's JSON as a SendRequest; raises ApiError for what is wrong with it."""
        raise NotImplementedError

    def accepted(self, batch: Batch) -> Answer:
        """The vendor's answer to a send that was accepted."""
        raise NotImplementedError

    def error(self, error: ApiError) -> Answer:
        """An error in the vendor's shape, words and status."""
        raise NotImplementedError


def bearer_token(request: HttpRequest) -> str:
    """The token of an `Authorization: Bearer …` header; "" for anything else."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token and " " not in token else ""


def sending_channel(caller: Caller) -> Channel:
    """Where a request that names no channel sends from: the key's channel, else the default one."""
    channel = own_channel(caller)
    if channel.status != Channel.Status.CONNECTED:
        raise ApiError("WABA channel is disconnected", code="reconnect_waba")
    return channel


def own_channel(caller: Caller) -> Channel:
    """The key's channel, else the company's default one, connected or not."""
    bound = caller.key_channel_id
    lately = caller.is_remembered
    channel = channels.find(bound, lately=lately) if bound else channels.default(caller.company_id)
    if channel is None or channel.company_id != caller.company_id:
        raise ApiError("The company has no default channel to send from", code="no_channel")
    return channel


# Which language is meant where a template has several and none was asked for.
_USUAL_LANGUAGES = ("en_US", "en")


def find_template(*, name: str, channel: Channel, language: str | None = None) -> Template:
    """The template that `channel` may send under a name, in a language or in its usual one.

    Another WABA's templates can't be sent from here, so they don't count; one that has no WABA yet
    is known, if only to say that it is not approved.
    """
    known = Template.objects.filter(
        company_id=channel.company_id, name=name, waba_id__in=(channel.waba_id, "")
    )
    if language is not None:
        known = known.filter(language=language)
    template = min(known, key=_how_unusual, default=None)
    if template is None:
        raise ApiError("There is no such template", code="template_not_found", status=404)
    return template


def _how_unusual(template: Template) -> tuple[bool, int, int]:
    usual = template.language in _USUAL_LANGUAGES
    order = _USUAL_LANGUAGES.index(template.language) if usual else len(_USUAL_LANGUAGES)
    return template.status != Template.Status.APPROVED, order, template.pk


def template_payload(template: Template, components: object) -> Payload:
    """A template message; raises where the template is not approved or `components` don't fit it."""
    if template.status != Template.Status.APPROVED:
        raise ApiError("The template is not approved", code="template_not_approved")
    fitted = parameters.fit(
        template=template.components,
        components=components,
        authentication=template.category == Template.Category.AUTHENTICATION,
    )
    return payloads.template(name=template.name, language=template.language, components=fitted)


def only_message(batch: Batch) -> Message:
    """The message of a batch with one recipient, with its batch and channel at hand."""
    message = batch.only_message or Message.objects.get(batch=batch)
    message.batch, message.channel = batch, batch.channel
    return message
