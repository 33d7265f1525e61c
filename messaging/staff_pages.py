"""Pages for staff that belong to no table."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from messaging.error_policy import POLICIES, Policy

ACTION_WORDS = {
    "retry": "Try again soon",
    "retry_later": "Try again after hours",
    "slow": "Slow the channel, try again",
    "pause_channel": "Pause the channel",
    "block_channel": "Block the channel until settled with Meta",
    "reconnect": "Disconnect the channel until it is reconnected",
    "fail_recipient": "Fail for this person",
    "fail_message": "Fail this message",
    "fail_template": "Fail all with this payload",
}


def _duration(seconds: int) -> str:
    """`90 s`, `5 min`, `6 h`: the largest unit that says it exactly."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s" if seconds else "–"


def _fits(policy: Policy, words: list[str]) -> bool:
    text = " ".join(
        str(part)
        for part in (
            policy.code,
            policy.subcode or "",
            policy.title,
            policy.action,
            ACTION_WORDS.get(policy.action, ""),
            policy.meaning,
            policy.remedy,
        )
    ).lower()
    return all(word in text for word in words)


@require_safe
@admin.site.admin_view
def error_policy(request: HttpRequest) -> HttpResponse:
    """What is done about each of Meta's error codes, searchable by any words."""
    query = request.GET.get("q", "").strip()[:100]
    words = query.lower().split()
    rows = [
        {
            "policy": policy,
            "action": ACTION_WORDS.get(policy.action, str(policy.action)),
            "wait": _duration(policy.wait_seconds),
        }
        for policy in sorted(POLICIES, key=lambda policy: (policy.code, policy.subcode or 0))
        if _fits(policy, words)
    ]
    context = {
        **admin.site.each_context(request),
        "title": _("Error policy"),
        "query": query,
        "rows": rows,
    }
    return render(request, "admin/error_policy.html", context)
