"""Demo data: two companies with channels, tags, contacts and templates; the same however often made.

Contacts use the numbering plans' own ranges of Kenya and Uganda; nobody is written to but through
whatever GRAPH_API_URL is, which is the sandbox when `make run` starts things.
"""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone

from companies import credits, keys, staff_roles
from companies.models import ApiKey, Channel, Company, Membership, User
from contacts.models import Contact, ContactTag, Tag
from messaging.models import ChannelState
from templates_app.models import Template

# The sandbox gives every WABA these templates, so that they can be sent from the start.
SEEDS = Path(settings.BASE_DIR) / "companies/graph/sandbox/seed_templates.json"
KEYS_KEPT = 5
KEY_NAME = "Demo"
STAFF = "staff@tuma.example"
PENDING_OFFER = {
    "name": "pending_offer",
    "language": "en_US",
    "category": "MARKETING",
    "components": [
        {
            "type": "BODY",
            "text": "Hello {{1}}, this offer is still being looked at by our staff.",
            "example": {"body_text": [["Dennis"]]},
        }
    ],
}


@dataclass(frozen=True)
class _Company:
    name: str
    owner: str
    country: str
    time_zone: str
    credits: int
    calling_code: str
    graph_prefix: str


COMPANIES = (
    _Company("Acme Foods", "owner@acme.example", "KE", "Africa/Nairobi", 1_000_000, "2547", "1"),
    _Company("Rival Traders", "owner@rival.example", "UG", "Africa/Kampala", 100, "2567", "3"),
)


def password(email: str) -> str:
    """The demo password of an account: always the same on one installation, known to no other."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"demo {email}".encode(), hashlib.sha256)
    return digest.hexdigest()[:16]


@transaction.atomic
def make() -> dict[str, Any]:
    """Make what is missing, and fresh keys; the document that `manage.py demo --json` prints."""
    _account(STAFF, name="Demo Staff", is_staff=True, is_superuser=True)
    return {
        "base_url": settings.PUBLIC_URL,
        "staff": {"email": STAFF, "password": password(STAFF)},
        "staff_roles": [_role(role) for role in staff_roles.MAY],
        "companies": [_company(company) for company in COMPANIES],
    }


def _account(email: str, **fields: Any) -> User:
    user = User.objects.filter(email=email).first()
    if user is None:
        return User.objects.create_user(email, password(email), **fields)
    if not user.check_password(password(email)):
        user.set_password(password(email))
        user.save(update_fields=["password"])
    return user


def _role(role: str) -> dict[str, str]:
    """Somebody of the staff who has this role and no more."""
    email = f"{role.lower()}@tuma.example"
    user = _account(email, name=f"Demo {role}", is_staff=True)
    user.groups.set([Group.objects.get(name=role)])
    return {"role": role, "email": email, "password": password(email)}


def _company(spec: _Company) -> dict[str, Any]:
    owner = _account(spec.owner, name=f"{spec.name} owner")
    company, is_new = Company.objects.get_or_create(
        name=spec.name, defaults={"country": spec.country, "time_zone": spec.time_zone}
    )
    Membership.objects.get_or_create(
        user=owner, company=company, defaults={"role": Membership.Role.OWNER}
    )
    if is_new:
        credits.top_up(company=company, amount=spec.credits, note="Demo credit")
        _contacts(company, spec)
    channels = _channels(company, spec)
    templates = _templates(company, channels[0])
    company.refresh_from_db()
    _key, whole = _fresh_key(company, owner)
    return {
        "id": company.pk,
        "name": company.name,
        "country": company.country,
        "time_zone": company.time_zone,
        "credits": company.credits,
        "owner": {"email": owner.email, "password": password(owner.email)},
        "api_key": whole,
        "dev_key": whole[:13],
        "dev_secret": whole[13:],
        "channels": [_shown_channel(channel) for channel in channels],
        "tags": [
            {"id": tag.pk, "name": tag.name, "contacts": tag.contacts.count()}
            for tag in company.tags.order_by("pk")
        ],
        "templates": [_shown_template(template) for template in templates],
    }


def _fresh_key(company: Company, owner: User) -> tuple[ApiKey, str]:
    issued = keys.issue(company=company, name=KEY_NAME, created_by=owner)
    old = ApiKey.objects.filter(company=company, name=KEY_NAME, revoked_at=None).order_by("-pk")
    for key in old[KEYS_KEPT + 1 :]:
        keys.revoke(key)
    return issued


def _channels(company: Company, spec: _Company) -> list[Channel]:
    rows = (
        ("main", Channel.Status.CONNECTED, True, 1),
        ("old line", Channel.Status.DISCONNECTED, False, 2),
    )
    channels = []
    for label, status, is_default, number in rows:
        channel, _ = Channel.objects.get_or_create(
            phone_number_id=f"{spec.graph_prefix}0000000000000{number}",
            defaults={
                "company": company,
                "name": f"{company.name.split()[0]} {label}",
                "status": status,
                "status_reason": "" if is_default else "Replaced by the new number",
                "is_default": is_default,
                "waba_id": f"{int(spec.graph_prefix) + 1}00000000000001",
                "phone_number": f"+{spec.calling_code}0000000{number}",
                "verified_name": company.name,
                "access_token": f"EAAdemo{company.pk:08d}{number:08d}",
                "daily_limit": None,
                "quality": "GREEN" if is_default else "UNKNOWN",
            },
        )
        ChannelState.objects.get_or_create(channel=channel)
        channels.append(channel)
    return channels


def _contacts(company: Company, spec: _Company) -> None:
    people = Contact.objects.bulk_create(
        Contact(
            company=company,
            phone=f"{spec.calling_code}1{number:07d}",
            name=f"{_FIRST[number % len(_FIRST)]} {_LAST[number % len(_LAST)]}",
            custom_fields={"city": _CITIES[number % len(_CITIES)]},
        )
        for number in range(270)
    )
    # Premium overlaps with customers: whoever is under both gets a message once.
    groups = {"customers": people[:250], "premium": people[230:], "empty": []}
    for name, tagged in groups.items():
        tag = Tag.objects.create(company=company, name=name)
        ContactTag.objects.bulk_create(ContactTag(tag=tag, contact=person) for person in tagged)


def _templates(company: Company, channel: Channel) -> list[Template]:
    now = timezone.now()
    templates = []
    for seed in [*orjson.loads(SEEDS.read_bytes()), PENDING_OFFER]:
        is_pending = seed["name"] == PENDING_OFFER["name"]
        template, _ = Template.objects.get_or_create(
            company=company,
            waba_id=channel.waba_id,
            name=seed["name"],
            language=seed["language"],
            defaults={
                "channel": channel,
                "category": seed["category"],
                "components": seed["components"],
                "status": Template.Status.SUBMITTED if is_pending else Template.Status.APPROVED,
                "approved_at": None if is_pending else now,
            },
        )
        templates.append(template)
    return templates


def _shown_channel(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.pk,
        "name": channel.name,
        "status": channel.status,
        "default": channel.is_default,
        "phone_number": channel.phone_number,
        "phone_number_id": channel.phone_number_id,
        "waba_id": channel.waba_id,
        "rate_per_second": channel.rate_per_second,
    }


def _shown_template(template: Template) -> dict[str, Any]:
    return {
        "id": template.pk,
        "public_id": template.public_id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": template.status,
    }


_FIRST = ("Amina", "Brian", "Chebet", "Dennis", "Esther", "Farah", "Grace", "Hamisi", "Irene")
_LAST = ("Achieng", "Barasa", "Cheruiyot", "Mwangi", "Nakato", "Okello", "Wanjiku")
_CITIES = ("Nairobi", "Mombasa", "Kisumu", "Kampala", "Gulu")
