from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("companies", "0005_decisions"),
        ("templates_app", "0001_initial"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="template",
            options={
                "permissions": [
                    ("decide_template", "Can approve and decline templates, and ask for changes")
                ]
            },
        ),
        migrations.AddIndex(
            model_name="template",
            index=models.Index(
                condition=models.Q(("status", "SUBMITTED")),
                fields=["updated_at"],
                name="template_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="template",
            index=models.Index(
                condition=models.Q(("graph_id", ""), ("status", "PENDING")),
                fields=["id"],
                name="template_to_meta",
            ),
        ),
    ]
