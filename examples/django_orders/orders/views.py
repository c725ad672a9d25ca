"""The board and what its script asks for."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from orders.models import Order
from orders.realtime import CHANNEL, who_is_present
from orders.services import ChangedMeanwhile, move


class MoveForm(forms.Form):
    """What a button on a card sends."""

    status = forms.ChoiceField(choices=Order.Status.choices)
    version = forms.IntegerField(min_value=1)


def staff_api(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answer 403 as JSON to everybody but staff: a script has no use for a page to log in."""

    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return JsonResponse({"error": "you are signed out", "code": "unauthorized"}, status=403)
        if not request.user.is_staff:
            return JsonResponse({"error": "you may not see orders any more", "code": "forbidden"}, status=403)
        return view(request, **kwargs)

    return never_cache(guarded)


# Never cached, so that the browser's back button cannot show it to whoever comes after a logout.
@never_cache
@login_required
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """The page; its script brings the orders."""
    if not request.user.is_staff:
        raise PermissionDenied
    return render(request, "orders/board.html", {"columns": Order.Status.choices, "channel": CHANNEL})


@require_GET
@staff_api
def state(request: HttpRequest) -> JsonResponse:
    """All that the page shows, for when it opens and after each reconnect."""
    orders = Order.objects.select_related("changed_by")
    return JsonResponse(
        {
            "me": str(request.user.pk),
            "orders": [order.as_dict() for order in orders],
            "present": who_is_present(),
        }
    )


@require_POST
@staff_api
def move_order(request: HttpRequest, pk: int) -> JsonResponse:
    """Give an order another status; 409 with the order as it is where somebody else was faster."""
    form = MoveForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": "a status and a version are needed", "code": "invalid_request"}, status=400)
    try:
        order = move(pk, user=request.user, **form.cleaned_data)
    except Order.DoesNotExist:
        return JsonResponse({"error": "there is no such order", "code": "not_found"}, status=404)
    except ChangedMeanwhile as error:
        return JsonResponse({"error": str(error), "code": "conflict", "order": error.order.as_dict()}, status=409)
    return JsonResponse({"order": order.as_dict()})
