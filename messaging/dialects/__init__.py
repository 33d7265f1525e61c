"""The dialects, by slug: a literal that one can click through."""

from messaging.dialects.autokonnect import Autokonnect
from messaging.dialects.base import Dialect

AUTOKONNECT = Autokonnect()

DIALECTS: dict[str, Dialect] = {AUTOKONNECT.slug: AUTOKONNECT}
