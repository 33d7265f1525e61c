"""Every secret that is valid still, where there was room for one."""

from typing import Any

import orjson
from django.db import migrations

import config.fields


def keep(apps: Any, schema_editor: Any) -> None:
    endpoints = apps.get_model("messaging", "WebhookEndpoint").objects
    for endpoint in endpoints.filter(previous_until__isnull=False).exclude(previous_secret=""):
        ends = {endpoint.previous_secret: endpoint.previous_until}
        endpoint.previous_secrets = orjson.dumps(ends).decode()
        endpoint.save(update_fields=["previous_secrets"])


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0005_personal_messages"),
    ]

    operations = [
        migrations.AddField(
            model_name="webhookendpoint",
            name="previous_secrets",
            field=config.fields.EncryptedTextField(
                blank=True,
                default="",
                help_text="JSON: those that sign as well, and until when.",
            ),
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
        migrations.RemoveField(model_name="webhookendpoint", name="previous_secret"),
    ]
