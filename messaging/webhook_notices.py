"""Telling a company's people that one of their endpoints was switched off."""

from django.db import transaction
from django.urls import reverse

from companies import notices
from companies.models import Notice
from messaging.models import WebhookEndpoint

_WHY: dict[str, str] = {
    WebhookEndpoint.Reason.GONE: "It answered 410 Gone, which means: never again.",
    WebhookEndpoint.Reason.FAILING: (
        "For a day none of our tries to deliver to it has succeeded. What happens is still "
        "recorded, and delivered once you switch it on again."
    ),
}


@transaction.atomic
def send(endpoint_id: int) -> None:
    """Tell them once. From then on the mail is due on the notice, until it could be sent."""
    mine = WebhookEndpoint.objects.filter(pk=endpoint_id, notice_due=True)
    if not mine.update(notice_due=False):
        return
    endpoint = WebhookEndpoint.objects.select_related("company").get(pk=endpoint_id)
    why = _WHY.get(endpoint.disabled_reason)
    if why is None:
        return  # somebody switched it on meanwhile
    notices.notify(
        endpoint.company,
        level=Notice.Level.BAD,
        title="Webhook switched off",
        text=(
            f"The webhook to {endpoint.url} is switched off. {why} "
            "Every try, with its request and response, and the switch are on its page."
        ),
        link=reverse("webhook", args=[endpoint.public_id]),
    )
