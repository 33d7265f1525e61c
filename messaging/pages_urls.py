from django.urls import path

from messaging import docs_pages, pages, webhook_pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("api/schema", docs_pages.api_schema, name="api_schema"),
    path("api/docs", docs_pages.api_docs, name="api_docs"),
    path("api/postman.json", docs_pages.api_postman, name="api_postman"),
    path("moving", docs_pages.moving, name="moving"),
    path("moving/<slug:vendor>", docs_pages.moving_from, name="moving_from"),
    path("batches", pages.batches, name="batches"),
    path("batches/", pages.batches),
    path("batches/<str:public_id>", pages.batch, name="batch"),
    path("batches/<str:public_id>/progress", pages.batch_progress, name="batch_progress"),
    path("webhooks", webhook_pages.webhooks, name="webhooks"),
    path("webhooks/", webhook_pages.webhooks),
    path("webhooks/<str:public_id>", webhook_pages.webhook, name="webhook"),
    path("webhooks/<str:public_id>/roll-secret", webhook_pages.roll_secret, name="webhook_roll"),
    path("webhooks/<str:public_id>/test", webhook_pages.send_test, name="webhook_test"),
    path("webhooks/<str:public_id>/switch", webhook_pages.switch, name="webhook_switch"),
    path("webhooks/<str:public_id>/delete", webhook_pages.delete, name="webhook_delete"),
    path("webhooks/<str:public_id>/replay", webhook_pages.replay_failed, name="webhook_replay"),
    path(
        "webhooks/<str:public_id>/events/<str:event_id>",
        webhook_pages.webhook_event,
        name="webhook_event",
    ),
    path(
        "webhooks/<str:public_id>/events/<str:event_id>/replay",
        webhook_pages.replay,
        name="webhook_event_replay",
    ),
]
