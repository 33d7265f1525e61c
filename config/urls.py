"""The whole URL map on one screen."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from companies.accounts import email_address, own_name
from companies.staff_impersonation import stop as stop_impersonating
from companies.staff_queues import CHANNEL_QUEUE, COMPANY_QUEUE, queue_page
from messaging.health import healthz, readyz
from messaging.meta_webhook import meta_webhook
from messaging.metrics import metrics
from messaging.staff_operations import operations
from messaging.staff_pages import error_policy
from templates_app.staff_queue import TEMPLATE_QUEUE

# Staff sign in on the same page as everybody; the admin's own login would go around its limits.
admin.site.index_title = "Overview"
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    re_path(r"^webhooks/meta/?$", meta_webhook),
    path("favicon.ico", RedirectView.as_view(url=static("favicon.svg"))),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/error-policy/", error_policy, name="error_policy"),
    path("admin/operations/", operations, name="operations"),
    path("admin/queues/companies/", queue_page(COMPANY_QUEUE), name="queue_companies"),
    path("admin/queues/channels/", queue_page(CHANNEL_QUEUE), name="queue_channels"),
    path("admin/queues/templates/", queue_page(TEMPLATE_QUEUE), name="queue_templates"),
    path("admin/impersonation/stop/", stop_impersonating, name="stop_impersonating"),
    path("admin/", admin.site.urls),
    path("accounts/email/", email_address, name="account_email"),
    path("accounts/name/", own_name, name="account_name"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("language", set_language, name="set_language"),
    path("", include("companies.urls")),
    path("", include("contacts.urls")),
    path("", include("messaging.pages_urls")),
    path("", include("messaging.urls")),
]
