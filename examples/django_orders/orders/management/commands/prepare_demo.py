"""``manage.py prepare_demo``: the database, two users and some orders, made once."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand

from orders.models import Order
from shop.local import secret

USERS = {"alice": ("Alice", "Meyer"), "bob": ("Bob", "Tanaka")}
ORDERS = [
    ("Nordlicht Reisen", "2 × Fjord cruise, cabin B", "3480.00", "new"),
    ("Ayşe Demir", "City walk Istanbul, 4 people", "156.00", "new"),
    ("Hotel Miramar", "Airport transfer, 12 seats", "264.00", "new"),
    ("Jonas Lindqvist", "Northern lights, 3 nights", "1290.50", "paid"),
    ("Casa Verde", "Cooking class for two", "118.00", "paid"),
    ("Priya Raman", "Night train to Vienna", "89.90", "shipped"),
    ("Kite School Tarifa", "Board rental, 1 week", "210.00", "shipped"),
]


class Command(BaseCommand):
    """Makes what is missing, and says how to log in."""

    help = "Migrate, and add demo users and orders where there are none."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it."""
        call_command("migrate", verbosity=0)
        password = secret("demo-password")
        users = get_user_model().objects
        for name, (first, last) in USERS.items():
            if not users.filter(username=name).exists():
                users.create_user(name, password=password, first_name=first, last_name=last, is_staff=True)
        if not Order.objects.exists():
            for customer, items, total, status in reversed(ORDERS):
                Order.objects.create(customer=customer, items=items, total=total, status=status)
        self.stdout.write(f"Log in as {' or '.join(USERS)} with the password {password}")
