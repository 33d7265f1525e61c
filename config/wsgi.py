import os
from typing import Any

from django.core.wsgi import get_wsgi_application

from config import chunked, heap

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    chunked.measure(environ)
    return _django(environ, start_response)


heap.settle()
