"""The site's addresses."""

from django.contrib.auth import views as auth
from django.urls import include, path

urlpatterns = [
    path("", include("orders.urls")),
    path("login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
]
