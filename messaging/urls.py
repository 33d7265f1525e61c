"""The API's paths. Each answers with and without a trailing slash."""

from django.urls import path, re_path

from messaging import media_views
from messaging.dialects import amanahagent_media, autokonnect_templates
from messaging.dialects import amanahagent_views as amanahagent
from messaging.dialects import amanahagent_webhooks as webhooks
from messaging.dialects import autokonnect_views as autokonnect
from messaging.dialects import socnet_views as socnet
from messaging.dialects import whatssync_views as whatssync

urlpatterns = [
    re_path(
        r"^media/(?P<token>[A-Za-z0-9_-]{43})(?:/[^/]*)?$",
        media_views.public_media,
        name="public_media",
    ),
    path("inbound-media/<str:public_id>", media_views.inbound_media, name="inbound_media"),
    re_path(r"^v1/media/?$", amanahagent_media.MediaUpload.as_view()),
    re_path(r"^v1/media/(?P<media_id>[^/]+)/?$", amanahagent_media.MediaView.as_view()),
    re_path(
        r"^api/v1/whatsapp/(?P<channel_id>[^/]+)/messages/?$", autokonnect.AutokonnectSend.as_view()
    ),
    re_path(
        r"^api/v1/whatsapp/(?P<channel_id>[^/]+)/templates/?$",
        autokonnect_templates.TemplatesView.as_view(),
    ),
    re_path(
        r"^api/v1/whatsapp/(?P<channel_id>[^/]+)/templates/(?P<template_id>[^/]+)/?$",
        autokonnect_templates.TemplateView.as_view(),
    ),
    re_path(r"^api/v1/batches/(?P<batch_id>[^/]+)/?$", autokonnect.BatchView.as_view()),
    re_path(
        r"^api/v1/batches/(?P<batch_id>[^/]+)/messages/?$",
        autokonnect.BatchMessagesView.as_view(),
    ),
    re_path(
        r"^api/v1/batches/(?P<batch_id>[^/]+)/unused/?$", autokonnect.BatchUnusedView.as_view()
    ),
    re_path(r"^api/v1/batches/(?P<batch_id>[^/]+)/pause/?$", autokonnect.BatchPauseView.as_view()),
    re_path(
        r"^api/v1/batches/(?P<batch_id>[^/]+)/resume/?$", autokonnect.BatchResumeView.as_view()
    ),
    re_path(
        r"^api/v1/batches/(?P<batch_id>[^/]+)/cancel/?$", autokonnect.BatchCancelView.as_view()
    ),
    re_path(r"^api/v1/messages/?$", whatssync.WhatsSyncSend.as_view()),
    re_path(r"^api/v1/contacts/?$", whatssync.ContactsView.as_view()),
    re_path(r"^api/v1/contacts/(?P<phone>[^/]+)/?$", whatssync.ContactView.as_view()),
    re_path(r"^api/v1/contacts/(?P<phone>[^/]+)/messages/?$", whatssync.ConversationView.as_view()),
    re_path(r"^v1/messages/?$", amanahagent.MessagesView.as_view()),
    re_path(r"^v1/messages/(?P<message_id>[^/]+)/?$", amanahagent.MessageView.as_view()),
    re_path(r"^v1/contacts/?$", amanahagent.ContactsView.as_view()),
    re_path(r"^v1/templates/?$", amanahagent.TemplatesView.as_view()),
    re_path(r"^v1/analytics/usage/?$", amanahagent.UsageView.as_view()),
    re_path(r"^v1/webhooks/?$", webhooks.WebhooksView.as_view()),
    re_path(r"^v1/webhooks/(?P<webhook_id>[^/]+)/?$", webhooks.WebhookView.as_view()),
    re_path(r"^v1/webhooks/(?P<webhook_id>[^/]+)/test/?$", webhooks.WebhookTestView.as_view()),
    re_path(
        r"^v1/webhooks/(?P<webhook_id>[^/]+)/roll-secret/?$", webhooks.WebhookSecretView.as_view()
    ),
    re_path(r"^v1/webhooks/(?P<webhook_id>[^/]+)/events/?$", webhooks.WebhookEventsView.as_view()),
    re_path(r"^v1/webhooks/(?P<webhook_id>[^/]+)/replay/?$", webhooks.WebhookReplayView.as_view()),
    re_path(r"^v1(/[\s\S]*)?$", amanahagent.UnknownPathView.as_view()),
    re_path(r"^projects/bulk/whatsapp/api\.php/?$", socnet.SocnetSend.as_view()),
    re_path(r"^projects(/[\s\S]*)?$", socnet.SocnetNotFound.as_view()),
    re_path(r"^api(/[\s\S]*)?$", autokonnect.ApiNotFound.as_view()),
]
