from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0002_no_message_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="batch",
            name="follow_cursor",
            field=models.BigIntegerField(
                blank=True,
                help_text="Messages of contacts up to this one follow the last change; empty when all do.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="batch",
            name="heard_since",
            field=models.DateTimeField(
                blank=True, help_text="Only to people who have written since then.", null=True
            ),
        ),
        migrations.AddField(
            model_name="batch",
            name="paused_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="batch",
            name="unreachable_since",
            field=models.DateTimeField(
                blank=True,
                help_text="Not to people whom Meta could not reach since then.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(
                condition=models.Q(("follow_cursor__isnull", False)),
                fields=["id"],
                name="batch_following",
            ),
        ),
    ]
