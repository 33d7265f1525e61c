"""Loaded before anything else (see pyproject.toml): the tests' own environment.

DATABASE_URL and CELERY_BROKER_URL are taken as they are: with them the same tests run on PostgreSQL,
and those that need a broker run at all.
"""

import atexit
import os
import shutil
import tempfile

os.environ["DEBUG"] = "on"
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="tuma-tests-")
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)
os.environ["LOG_LEVEL"] = "WARNING"
# The broker that the tests of whole processes use; in this process nobody listens.
# Set once: the workers of a parallel run load this again, with what the first made of it.
os.environ.setdefault("TEST_BROKER_URL", os.environ.get("CELERY_BROKER_URL", ""))
os.environ["CELERY_BROKER_URL"] = "memory://"
os.environ.pop("CACHE_URL", None)
for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "META_APP_SECRET", "META_VERIFY_TOKEN"):
    os.environ.pop(name, None)
os.environ["GRAPH_API_URL"] = "http://127.0.0.1:9"  # nobody; a test that sends names its sandbox
