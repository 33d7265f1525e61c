"""An empty Django view, served like the product: the limit of what one request can cost there.

As a WSGI module by itself it has no middleware, no sessions and no database: nothing but Django.
With BENCH_MIDDLEWARE set, the view stands behind the product's own settings instead.
"""

import os

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path


def empty(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(headers={"Content-Length": "0"})


urlpatterns = [path("empty", empty)]

if os.environ.get("BENCH_MIDDLEWARE"):
    settings.ROOT_URLCONF = "bench.empty"
else:
    settings.configure(
        SECRET_KEY="x", ROOT_URLCONF="bench.empty", ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[]
    )
django.setup()
application = WSGIHandler()
