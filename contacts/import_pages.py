"""Importing contacts, page by page: the file, what its columns hold, progress, outcome, undoing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from companies import audit
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config import public_ids
from contacts import csv_files, importing, imports, people, undoing
from contacts.forms import MappingForm, UploadForm
from contacts.models import ContactImport, ImportProblem
from contacts.pages import csv_response, person

IMPORTS_A_PAGE = 25
PROBLEMS_SHOWN = 20
PROBLEMS_AT_ONCE = 2_000
State = ContactImport.State


def _import_or_404(request: PortalRequest, public_id: str) -> ContactImport:
    pk = public_ids.decode("import", public_id)
    found = ContactImport.objects.select_related("company")
    return get_object_or_404(found, company=request.company, pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.READ, post=Need.SEND)
def import_list(request: PortalRequest) -> HttpResponse:
    """The imports, the newest first; a POST brings a file."""
    if request.method != "POST":
        return _list_page(request, UploadForm())
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            job = imports.take(
                company=request.company,
                file=file,
                filename=file.name,
                size=file.size,
                by=person(request),
            )
        except csv_files.Unreadable as error:
            form.add_error("file", str(error))
        else:
            return redirect("import", job.public_id)
    return _list_page(request, form, status=422)


def _list_page(request: PortalRequest, form: UploadForm, *, status: int = 200) -> HttpResponse:
    found = ContactImport.objects.filter(company=request.company).order_by("-pk")
    before = request.GET.get("before", "")
    if before:
        pk = public_ids.decode("import", before)
        if pk is None:
            raise Http404
        found = found.filter(pk__lt=pk)
    page = list(found[: IMPORTS_A_PAGE + 1])
    context = {
        "form": form,
        "jobs": page[:IMPORTS_A_PAGE],
        "older": page[IMPORTS_A_PAGE - 1].public_id if len(page) > IMPORTS_A_PAGE else "",
    }
    return render_page(request, "contacts/imports.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.READ, post=Need.SEND)
def import_page(request: PortalRequest, public_id: str) -> HttpResponse:
    """A draft: what its columns hold, and a POST that starts it. Else how far it is, or was."""
    job = _import_or_404(request, public_id)
    if job.state != State.DRAFT:
        if request.method == "POST":
            return redirect("import", job.public_id)
        return render_page(request, "contacts/import.html", _progress(job))
    if request.method != "POST":
        return _mapping_page(request, job, MappingForm(job=job))
    imports.use_first_row(job, has_header=bool(request.POST.get("has_header")))
    form = MappingForm(request.POST, job=job)
    if form.is_valid():
        try:
            people.tag_names_allowed(company_id=request.company.pk, names=form.cleaned_data["tags"])
        except people.TooManyTags as error:
            form.add_error("tags", str(error))
    if not form.is_valid():
        return _mapping_page(request, job, form, status=422)
    _start(request, job, form)
    return redirect("import", job.public_id)


def _start(request: PortalRequest, job: ContactImport, form: MappingForm) -> None:
    data = form.cleaned_data
    with transaction.atomic():
        started = imports.start(
            job, mapping=data["mapping"], tag_names=data["tags"], known=data["known"]
        )
        if started:
            audit.record(
                request,
                company=request.company,
                kind=audit.Kind.IMPORT_STARTED,
                label=job.filename,
                detail={"tags": ", ".join(data["tags"])} if data["tags"] else {},
            )


def _mapping_page(
    request: PortalRequest, job: ContactImport, form: MappingForm, *, status: int = 200
) -> HttpResponse:
    context = {**_preview(job), "form": form}
    return render_page(request, "contacts/import_mapping.html", context, status=status)


def _preview(job: ContactImport) -> dict[str, Any]:
    context: dict[str, Any] = {"job": job, "unreadable": "", "preview": []}
    try:
        context["preview"] = imports.preview(job)
    except (csv_files.Unreadable, OSError) as error:
        context["unreadable"] = str(error)
    return context


@require_POST
@company_page(Need.SEND)
def import_preview(request: PortalRequest, public_id: str) -> HttpResponse:
    """The first rows by what is chosen on the page and not saved yet."""
    job = _import_or_404(request, public_id)
    if job.state != State.DRAFT:
        raise Http404
    imports.use_first_row(job, has_header=bool(request.POST.get("has_header")))
    kinds = [request.POST.get(f"column_{at}", "") for at in range(len(job.header))]
    job.mapping = kinds
    return render(request, "contacts/_preview.html", _preview(job))


# --- While it runs, and after ---------------------------------------------------------


def _progress(job: ContactImport) -> dict[str, Any]:
    problems = ImportProblem.objects.filter(contact_import=job).order_by("row")
    return {
        "job": job,
        "percent": importing.percent(job),
        "may_undo": undoing.is_possible(job, now=timezone.now()),
        "undo_until": job.finished_at + undoing.WITHIN if job.finished_at else None,
        "problems": [_shown(each) for each in problems[:PROBLEMS_SHOWN]] if job.finished_at else [],
        "problem_count": job.refused_count,
    }


def _shown(problem: ImportProblem) -> dict[str, Any]:
    cells = orjson.loads(problem.input)
    return {
        "row": problem.row,
        "input": ", ".join(filter(None, cells)),
        "reason": _(problem.reason),
    }


@require_safe
@company_page(Need.READ)
def import_progress(request: PortalRequest, public_id: str) -> HttpResponse:
    """The part of the page that refreshes itself."""
    job = _import_or_404(request, public_id)
    response = render(request, "contacts/_import.html", {**_progress(job), "may": request.may})
    if not job.is_live:
        # The rest of the page has more to say now.
        response["HX-Refresh"] = "true"
    return response


@require_safe
@company_page(Need.SEND)
def import_problems(request: PortalRequest, public_id: str) -> HttpResponse:
    """The rows that were not taken, with why: to be mended and imported again."""
    job = _import_or_404(request, public_id)
    name = f"{job.public_id}-problems.csv"
    header = [_("Row"), _("Problem"), *job.header]
    return csv_response(csv_files.written(_problem_rows(job, header)), name)


def _problem_rows(job: ContactImport, header: Sequence[str]) -> Iterator[Sequence[object]]:
    yield header
    after = 0
    while True:
        found = ImportProblem.objects.filter(contact_import=job, row__gt=after).order_by("row")
        page = list(found[:PROBLEMS_AT_ONCE])
        for problem in page:
            yield [problem.row, _(problem.reason), *orjson.loads(problem.input)]
        if len(page) < PROBLEMS_AT_ONCE:
            return
        after = page[-1].row


@require_POST
@company_page(Need.SEND)
def undo_import(request: PortalRequest, public_id: str) -> HttpResponse:
    job = _import_or_404(request, public_id)
    with transaction.atomic():
        started = imports.undo(job, now=timezone.now())
        if started:
            audit.record(
                request,
                company=request.company,
                kind=audit.Kind.IMPORT_UNDONE,
                label=job.filename,
            )
    if not started:
        messages.error(request, _("This import can’t be undone any more."))
    return redirect("import", job.public_id)


@require_POST
@company_page(Need.SEND)
def discard_import(request: PortalRequest, public_id: str) -> HttpResponse:
    job = _import_or_404(request, public_id)
    if imports.discard(job):
        messages.success(request, _("The file is gone; nothing was imported."))
    return redirect("imports")
