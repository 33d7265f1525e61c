#!/bin/sh
# Everything that must be green before a change is published. Called by `make check`.
set -eu
BIN="${BIN:-.venv/bin}"

step() { printf '\n== %s\n' "$1"; }

step "format and lint"
"$BIN/ruff" format --check --quiet .
"$BIN/ruff" check --quiet .

step "types"
DEBUG=on "$BIN/mypy"

step "import layers"
"$BIN/lint-imports"

step "migrations"
DEBUG=on "$BIN/python" manage.py makemigrations --check --dry-run

step "deployment settings"
DEBUG=off SECRET_KEY=check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ \
    FIELD_ENCRYPTION_KEYS=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= \
    META_APP_SECRET=check META_VERIFY_TOKEN=check ALLOWED_HOSTS=tuma.example \
    "$BIN/python" manage.py check --deploy --fail-level WARNING

step "tests"
"$BIN/python" -m pytest
