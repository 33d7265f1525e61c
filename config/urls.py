"""The whole URL map on one screen."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from messaging.health import healthz, readyz
from messaging.meta_webhook import meta_webhook
from messaging.metrics import metrics
from messaging.staff_pages import error_policy

# Staff sign in on the same page as everybody; the admin's own login would go around its limits.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("webhooks/meta", meta_webhook),
    path("favicon.ico", RedirectView.as_view(url=static("favicon.svg"))),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/error-policy/", error_policy, name="error_policy"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.account.urls")),
    path("", include("companies.urls")),
    path("", include("messaging.pages_urls")),
    path("", include("messaging.urls")),
]
