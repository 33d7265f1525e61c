from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = "Messaging"

    def ready(self) -> None:
        from companies import decisions, staff_roles
        from companies.models import Channel
        from contacts import keepers
        from messaging import erasing, outgoing
        from templates_app.models import Template

        # What staff decide is told to the companies' webhooks like any other change.
        decisions.WATCHERS[Channel] = outgoing.watching_channels
        decisions.WATCHERS[Template] = outgoing.watching_templates
        keepers.register(erasing.KEEPER)
        # The last app of ours: by now the permissions of all are there.
        post_migrate.connect(staff_roles.write_groups, sender=self)
