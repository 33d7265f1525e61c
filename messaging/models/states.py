"""One request is a Batch, one recipient of it a Message. The messages are the queue (an outbox):
what is `queued` and due is sent by messaging/dispatch.py. Celery only says that there is work.

States are numbers because they have an order, and only ever grow:

    queued < claimed < sending < uncertain < sent < failed < delivered < read

so `new > old` is the whole rule for what Meta reports, in any order and however often: a failure
after "delivered" is ignored, while "delivered" after a failure is believed (Meta says so where a
person has several devices). Only the drain that holds the channel's lease takes a message back to
`queued`, under its fence, and only from claimed, sending or uncertain.
"""

from django.db import models


class Status(models.IntegerChoices):
    QUEUED = 0, "queued"
    CLAIMED = 10, "claimed"  # taken by a drain, not yet written to the network
    SENDING = 20, "sending"
    UNCERTAIN = 30, "uncertain"
    SENT = 40, "sent"
    FAILED = 45, "failed"
    DELIVERED = 50, "delivered"
    READ = 60, "read"

    @property
    def word(self) -> str:
        """The state as callers read it: claimed is our affair, to them it is still queued."""
        return "queued" if self is Status.CLAIMED else str(self.label)


# Where a message rests: the counters of batches and of daily usage name these.
COUNTED = (Status.UNCERTAIN, Status.SENT, Status.FAILED, Status.DELIVERED, Status.READ)


class Lane(models.IntegerChoices):
    """Within a channel, express is claimed first: a code must not wait behind a campaign."""

    EXPRESS = 0, "express"
    BULK = 1, "bulk"


class StatusCounts(models.Model):
    """How many messages rest in each state; what is missing from the total is on its way."""

    uncertain = models.IntegerField(default=0, db_default=0)
    sent = models.IntegerField(default=0, db_default=0)
    failed = models.IntegerField(default=0, db_default=0)
    delivered = models.IntegerField(default=0, db_default=0)
    read = models.IntegerField(default=0, db_default=0)

    class Meta:
        abstract = True
