"""What is done with orders."""

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from orders.models import Order
from orders.realtime import CHANNEL
from voyant_cloud.integrations.django import publish_on_commit


class ChangedMeanwhile(Exception):
    """Somebody else was faster.

    Attributes:
        order: as it is now.
    """

    def __init__(self, order: Order) -> None:
        super().__init__(f"{order} has been changed meanwhile")
        self.order = order


@transaction.atomic
def move(pk: int, status: str, version: int, user: AbstractBaseUser) -> Order:
    """Give an order another status, and tell every open page once that is committed.

    Args:
        pk: which order.
        status: one of ``Order.Status``.
        version: the one that the user saw.
        user: who does it.

    Returns:
        The order, as it is where it had the status already: a second click changes nothing.

    Raises:
        Order.DoesNotExist: there is no such order.
        ChangedMeanwhile: it has another version, and another status than the wanted one.
    """
    # One statement that looks and writes, so that of two at once only one finds the version it wants.
    changed = (
        Order.objects.filter(pk=pk, version=version)
        .exclude(status=status)
        .update(status=status, version=F("version") + 1, changed_at=timezone.now(), changed_by=user)
    )
    order = Order.objects.select_related("changed_by").get(pk=pk)
    if changed:
        publish_on_commit(CHANNEL, event="order.changed", data={"order": order.as_dict()})
    elif order.status != status:
        raise ChangedMeanwhile(order)
    return order
