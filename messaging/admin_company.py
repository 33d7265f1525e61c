"""What the staff's page of a company shows of its sending."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta
from typing import Any

from django.utils import timezone

from companies.admin_company import GLANCES
from companies.models import Company
from messaging import staff_traffic
from messaging.staff_backlog import COUNTED_UP_TO, backlogs


def glance(company: Company) -> dict[str, Any]:
    # Its days are those of its own time zone.
    now = timezone.now().astimezone(zoneinfo.ZoneInfo(company.time_zone))
    by_day = staff_traffic.usage(company, days=staff_traffic.last_days(staff_traffic.DAYS, now=now))
    channels = company.channels.values_list("pk", flat=True)
    due = backlogs(now=now, channel_ids=channels)
    count = sum(each.express + each.bulk for each in due)
    since = now.date() - timedelta(days=staff_traffic.FAILURE_DAYS - 1)
    return {
        "today": by_day[now.date()],
        "month": staff_traffic.total(by_day.values()),
        "traffic": staff_traffic.chart(by_day),
        "failures": staff_traffic.failures(company, since=since),
        "backlog": {
            "shown": f"{count:,}" + ("+" if count >= COUNTED_UP_TO else ""),
            "oldest": min(filter(None, (each.oldest for each in due)), default=None),
        },
    }


GLANCES.append(glance)
