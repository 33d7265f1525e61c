"""Telling a company's people that one of their endpoints was switched off."""

import structlog
from django.conf import settings
from django.core.mail import send_mail

from companies.models import Membership, User
from messaging.models import WebhookEndpoint

log = structlog.get_logger("tuma.webhooks")

_WHY: dict[str, str] = {
    WebhookEndpoint.Reason.GONE: "It answered 410 Gone, which means: never again.",
    WebhookEndpoint.Reason.FAILING: (
        "For a day none of our tries to deliver to it has succeeded. What happens is still "
        "recorded, and delivered once you switch it on again."
    ),
}


def send(endpoint_id: int) -> None:
    """Mail the owners and developers, once; if the mail can't be sent the notice stays due."""
    mine = WebhookEndpoint.objects.filter(pk=endpoint_id, notice_due=True)
    if not mine.update(notice_due=False):
        return
    try:
        _mail(WebhookEndpoint.objects.select_related("company").get(pk=endpoint_id))
    except Exception:
        WebhookEndpoint.objects.filter(pk=endpoint_id).update(notice_due=True)
        raise


def _mail(endpoint: WebhookEndpoint) -> None:
    why = _WHY.get(endpoint.disabled_reason)
    if why is None:
        return  # somebody switched it on meanwhile
    people = User.objects.filter(
        memberships__company=endpoint.company,
        memberships__role__in=(Membership.Role.OWNER, Membership.Role.DEVELOPER),
        is_active=True,
    )
    addresses = list(people.values_list("email", flat=True).order_by("pk"))
    page = f"{settings.PUBLIC_URL.rstrip('/')}/webhooks/{endpoint.public_id}"
    text = (
        f"The webhook of {endpoint.company.name} to\n\n    {endpoint.url}\n\n"
        f"is switched off. {why}\n\n"
        f"Every try, with its request and response, and the switch are here:\n\n    {page}\n"
    )
    company = " ".join(endpoint.company.name.split())
    for address in addresses:
        send_mail(f"Webhook switched off: {company}", text, None, [address])
    log.info("webhook_notice_sent", endpoint=endpoint.public_id, people=len(addresses))
