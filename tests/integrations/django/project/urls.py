"""The project's pages: tokens, and what the tests of real servers ask for."""

from __future__ import annotations

import os

from django.contrib.auth.mixins import LoginRequiredMixin, UserPassesTestMixin
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from voyant_cloud.integrations.capabilities import own_channel
from voyant_cloud.integrations.django import publish_on_commit
from voyant_cloud.integrations.django.views import TokenView


class OwnTokenView(TokenView):
    """A token for the user's own channel; user "guest" may do nothing."""

    def get_capabilities(self, request: HttpRequest) -> dict[str, list[str]]:
        return {} if request.user.get_username() == "guest" else own_channel(request.user.pk)


class LoginTokenView(LoginRequiredMixin, OwnTokenView):
    """Behind Django's mixin."""


class StaffTokenView(UserPassesTestMixin, OwnTokenView):
    """For staff alone."""

    def test_func(self) -> bool:
        return self.request.user.is_staff


class ReadTokenView(OwnTokenView):
    """By GET."""

    http_method_names = ("get",)
    ttl_seconds = 60


@csrf_exempt
@transaction.atomic
def publish(request: HttpRequest) -> JsonResponse:
    """Publish after commit, and say which process did."""
    publish_on_commit("orders:eu", event="order.updated", data={"pid": os.getpid()}, robust=False)
    return JsonResponse({"pid": os.getpid()})


urlpatterns = [
    path("token/", OwnTokenView.as_view()),
    path("token/login/", LoginTokenView.as_view()),
    path("token/staff/", StaffTokenView.as_view()),
    path("token/read/", ReadTokenView.as_view()),
    path("token/undefined/", TokenView.as_view()),
    path("publish/", publish),
]
