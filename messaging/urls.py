"""The API's paths. Each answers with and without a trailing slash."""

from django.urls import re_path

from messaging.dialects import autokonnect_views as autokonnect

urlpatterns = [
    re_path(
        r"^api/v1/whatsapp/(?P<channel_id>[^/]+)/messages/?$", autokonnect.AutokonnectSend.as_view()
    ),
    re_path(r"^api/v1/batches/(?P<batch_id>[^/]+)/?$", autokonnect.BatchView.as_view()),
    re_path(
        r"^api/v1/batches/(?P<batch_id>[^/]+)/messages/?$",
        autokonnect.BatchMessagesView.as_view(),
    ),
    re_path(
        r"^api/v1/batches/(?P<batch_id>[^/]+)/unused/?$", autokonnect.BatchUnusedView.as_view()
    ),
    re_path(r"^api(/.*)?$", autokonnect.ApiNotFound.as_view()),
]
