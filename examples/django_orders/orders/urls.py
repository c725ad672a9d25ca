"""The addresses of the board."""

from django.urls import path

from orders import views
from orders.realtime import OrderTokenView

urlpatterns = [
    path("", views.board, name="board"),
    path("state/", views.state, name="state"),
    path("orders/<int:pk>/move/", views.move_order, name="move"),
    path("realtime/token/", OrderTokenView.as_view(), name="token"),
]
