"""Orders."""

from typing import Any

from django.conf import settings
from django.db import models


class Order(models.Model):
    """An order, which a version number tells apart from what it was before."""

    class Status(models.TextChoices):
        NEW = "new", "New"
        PAID = "paid", "Paid"
        SHIPPED = "shipped", "Shipped"

    customer = models.CharField(max_length=80)
    items = models.CharField(max_length=200)
    total = models.DecimalField(max_digits=8, decimal_places=2)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(auto_now_add=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)

    class Meta:
        ordering = ("-changed_at",)

    def __str__(self) -> str:
        return f"#{self.number}"

    @property
    def number(self) -> int:
        """The number that people see."""
        return 1000 + self.pk

    def as_dict(self) -> dict[str, Any]:
        """Return it as the page takes it, from the state and from messages alike."""
        return {
            "id": self.pk,
            "number": self.number,
            "customer": self.customer,
            "items": self.items,
            "total": self.total,
            "status": self.status,
            "version": self.version,
            "changedAt": self.changed_at,
            "changedBy": str(self.changed_by.get_full_name() or self.changed_by) if self.changed_by else None,
        }
