"""Encrypt all stored tokens anew, under the first of FIELD_ENCRYPTION_KEYS."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import transaction

from config.fields import EncryptedTextField, decrypt, encrypt

# What an authenticator keeps encrypted, by name in its data (see companies.accounts.MfaAdapter).
AUTHENTICATOR_SECRETS = ("secret", "seed")


class Command(BaseCommand):
    help = "After a new key was put first in FIELD_ENCRYPTION_KEYS; then the old one can go."

    def handle(self, *args: Any, **options: Any) -> None:
        for model in apps.get_models():
            fields = [
                field.attname
                for field in model._meta.concrete_fields
                if isinstance(field, EncryptedTextField)
            ]
            if fields:
                count = self.rotate(model, fields)
                self.stdout.write(f"{model._meta.label}: {count} rows")
        self.stdout.write(f"{Authenticator._meta.label}: {self.rotate_authenticators()} rows")

    @transaction.atomic
    def rotate(self, model: Any, fields: list[str]) -> int:
        rows = list(model._base_manager.select_for_update())
        for row in rows:
            row.save(update_fields=fields)
        return len(rows)

    @transaction.atomic
    def rotate_authenticators(self) -> int:
        rows = list(Authenticator.objects.select_for_update())
        for row in rows:
            for name in set(AUTHENTICATOR_SECRETS) & row.data.keys():
                row.data[name] = encrypt(decrypt(row.data[name]))
            row.save(update_fields=["data"])
        return len(rows)
