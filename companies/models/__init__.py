"""The models of companies, by job."""

from companies.models.channels import Channel, DoctorReport
from companies.models.company import Company, RateWindow, validate_time_zone
from companies.models.keys import ApiKey, Scope, all_scopes
from companies.models.people import Invitation, Membership, User, UserManager
from companies.models.records import AuditEvent, CreditEntry, Decision, Notice

__all__ = [
    "ApiKey",
    "AuditEvent",
    "Channel",
    "Company",
    "CreditEntry",
    "Decision",
    "DoctorReport",
    "Invitation",
    "Membership",
    "Notice",
    "RateWindow",
    "Scope",
    "User",
    "UserManager",
    "all_scopes",
    "validate_time_zone",
]
