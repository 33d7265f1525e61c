"""The dialects, by slug: a literal that one can click through."""

from messaging.dialects.amanahagent import AmanahAgent
from messaging.dialects.autokonnect import Autokonnect
from messaging.dialects.base import Dialect
from messaging.dialects.engagelab import EngageLab
from messaging.dialects.socnet import Socnet
from messaging.dialects.whatssync import WhatsSync

AUTOKONNECT = Autokonnect()
AMANAHAGENT = AmanahAgent()
ENGAGELAB = EngageLab()
WHATSSYNC = WhatsSync()
SOCNET = Socnet()

DIALECTS: dict[str, Dialect] = {
    dialect.slug: dialect for dialect in (AUTOKONNECT, AMANAHAGENT, ENGAGELAB, WHATSSYNC, SOCNET)
}
