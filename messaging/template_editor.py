"""The editor of a template: a form with the bubble and the lint's findings beside it as one types.

What is written travels in the page; only “Save draft” and “Submit” keep it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from companies import audit
from companies.models import Channel, Company
from companies.roles import Need
from companies.views import PortalRequest, company_page, render_page
from config.api import ApiError
from messaging import compose_content, media, previews
from messaging.template_pages import edit_of, template_or_404
from templates_app import drafts, editor, fixed_texts, lint, services, workflow
from templates_app.lint import LANGUAGES, Finding
from templates_app.lint.draft import AUTHENTICATION, NAMED, POSITIONAL, variables
from templates_app.models import Template
from templates_app.services import InvalidTemplate
from templates_app.workflow import Author

LIMITS = {
    "name": 512,
    "header": 60,
    "body": 1024,
    "body_offer": 600,
    "footer": 60,
    "button": 25,
    "url": 2000,
    "phone": 20,
    "code": 15,
    "card": 160,
    "offer": 16,
}
# What a field may look like: no words, so they are the same in every language.
EXAMPLES = {
    "name": "order_update",
    "link": "https://example.com/orders/{{1}}",
    "package": "com.example.app",
    "hash": "K8a/AINcGX7",
}
BUTTON_WORDS = {
    "QUICK_REPLY": gettext_lazy("Quick reply"),
    "URL": gettext_lazy("Link"),
    "PHONE_NUMBER": gettext_lazy("Phone call"),
    "COPY_CODE": gettext_lazy("Copy a code"),
    "FLOW": gettext_lazy("Flow"),
    "CATALOG": gettext_lazy("Catalogue"),
}
HEADER_WORDS = {
    "": gettext_lazy("None"),
    "TEXT": gettext_lazy("Text"),
    "IMAGE": gettext_lazy("Image"),
    "VIDEO": gettext_lazy("Video"),
    "DOCUMENT": gettext_lazy("Document"),
    "LOCATION": gettext_lazy("Location"),
}
OTP_WORDS = {
    "COPY_CODE": gettext_lazy("Copy the code"),
    "ONE_TAP": gettext_lazy("Fill it in with one tap (Android)"),
    "ZERO_TAP": gettext_lazy("Fill it in without a tap (Android)"),
}


@dataclass(frozen=True, kw_only=True)
class Written:
    """What stands in the form: a template's fields as Meta names them, and its channel."""

    channel: Channel | None
    name: str
    language: str
    category: str
    parameter_format: str
    components: list[dict[str, Any]]

    @property
    def fields(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "language": self.language,
            "category": self.category,
            "parameter_format": self.parameter_format,
            "components": self.components,
        }

    def findings(self, known: Template | None = None) -> list[Finding]:
        """The lint's, beside the other templates of the account."""
        others = (
            services.others_of(self.channel, name=self.name, language=self.language)
            if self.channel
            else ()
        )
        return lint.check(**self.fields, others=list(others))


def _posted(data: QueryDict, company: Company, known: Template | None) -> Written:
    """An edit of what Meta has keeps its place and its name, whatever is posted."""
    is_edit = known is not None and bool(known.graph_id)
    return Written(
        channel=known.channel if known and is_edit else _channel(data.get("channel"), company),
        name=known.name if known and is_edit else str(data.get("name", "")).strip(),
        language=known.language if known and is_edit else str(data.get("language", "")),
        category=str(data.get("category", "")),
        parameter_format=str(data.get("parameter_format") or POSITIONAL),
        components=editor.components(data),
    )


def _channels(company: Company) -> list[Channel]:
    """The channels that a template may be written for, the default one first."""
    found = Channel.objects.filter(company=company).exclude(waba_id="")
    found = found.exclude(status=Channel.Status.DISCONNECTED)
    return list(found.defer("access_token").order_by("-is_default", "name", "pk"))


def _channel(pk: object, company: Company) -> Channel | None:
    return next((each for each in _channels(company) if str(each.pk) == str(pk)), None)


# --- Pages --------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.SEND)
def template_new(request: PortalRequest) -> HttpResponse:
    """A new template; `?like=` another one takes its content, `&name=same` for another language."""
    if request.method == "POST":
        return _keep(request, None)
    written = _like(request) or Written(
        channel=next(iter(_channels(request.company)), None),
        name="",
        language="en",
        category="UTILITY",
        parameter_format=POSITIONAL,
        components=[{"type": "BODY", "text": ""}],
    )
    return _form(request, written, None, is_untouched=not request.GET.get("like"))


def _like(request: PortalRequest) -> Written | None:
    if not request.GET.get("like"):
        return None
    other = template_or_404(request, request.GET["like"])
    is_language = request.GET.get("name") == "same"
    return Written(
        channel=other.channel,
        name=other.name if is_language else "",
        language="" if is_language else other.language,
        category=other.category,
        parameter_format=other.parameter_format,
        components=other.components,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@company_page(Need.SEND)
def template_edit(request: PortalRequest, pk: int) -> HttpResponse:
    """Writing in a draft, or in the edit of what Meta has, which is made when it is first saved."""
    template = template_or_404(request, pk)
    current = edit_of(template) or template
    allowed = workflow.EDITABLE if current.graph_id else workflow.WRITABLE
    if current.status not in allowed:
        messages.error(request, _("It can’t be edited as it stands."))
        return redirect("template", template.pk)
    if request.method == "POST":
        return _keep(request, template)
    written = Written(
        channel=current.channel,
        name=current.name,
        language=current.language,
        category=current.category,
        parameter_format=current.parameter_format,
        components=current.components,
    )
    return _form(request, written, template)


def _keep(request: PortalRequest, template: Template | None) -> HttpResponse:
    """Save what was posted, and submit it if that was asked for; else the form, with what is wrong."""
    written = _posted(request.POST, request.company, template)
    is_submit = request.POST.get("step") == "submit"
    if written.channel is None:
        return _form(request, written, template, problem=_("Choose a channel."), status=422)
    by = Author.of(request)
    try:
        saved = _save(request, written.channel, written.fields, template, by=by)
    except ApiError as error:
        return _form(request, written, template, problem=_why(error), status=422)
    page = saved.original.pk
    if is_submit:
        try:
            drafts.submit(saved, by=by)
        except ApiError as error:
            problem = _("It is saved as a draft, and was not submitted.") + " " + _why(error)
            fresh = template_or_404(request, page)
            return _form(request, written, fresh, problem=problem, status=422)
        audit.record(
            request,
            company=request.company,
            kind=audit.Kind.TEMPLATE_SUBMITTED,
            label=str(saved),
        )
        messages.success(request, _("Submitted. You are told what becomes of it."))
    else:
        messages.success(request, _("Saved as a draft."))
    return redirect("template", page)


def _why(error: ApiError) -> str:
    if isinstance(error, InvalidTemplate):
        first = error.errors[0]
        return f"{first.message} {first.remedy}"
    return error.message


def _save(
    request: PortalRequest,
    channel: Channel,
    fields: dict[str, Any],
    template: Template | None,
    *,
    by: Author,
) -> Template:
    if template is None:
        return drafts.save(channel, fields, by=by)
    seen = request.POST.get("seen", "")
    edit = edit_of(template)
    draft = edit or drafts.edit(template, by=by)
    # Of an edit that this very request makes nobody has seen a version.
    version = None if draft is not template and edit is None else _number(seen)
    return drafts.save(channel, fields, by=by, template=draft, seen=version)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _form(
    request: PortalRequest,
    written: Written,
    template: Template | None,
    *,
    problem: str = "",
    is_untouched: bool = False,
    status: int = 200,
) -> HttpResponse:
    """`is_untouched`: nothing was written yet, so nothing is called wrong."""
    current = (edit_of(template) or template) if template else None
    is_edit = template is not None and bool(template.graph_id)
    context = {
        **_context(written, company=request.company, is_untouched=is_untouched),
        "is_untouched": is_untouched,
        "template": template,
        "is_edit": is_edit,
        "is_fixed_category": is_edit and template is not None and template.status == "APPROVED",
        # Zero: the edit is to be made, so whoever made one meanwhile was faster.
        "seen": current.version if current is not None and not current.graph_id else 0,
        "channels": _channels(request.company),
        "languages": sorted(LANGUAGES),
        "header_words": HEADER_WORDS,
        "categories": Template.Category.choices,
        "button_words": BUTTON_WORDS,
        "card_button_words": {kind: BUTTON_WORDS[kind] for kind in editor.CARD_BUTTONS},
        "otp_words": OTP_WORDS,
        "limits": LIMITS,
        "examples": EXAMPLES,
        "problem": problem,
        "empty_button": editor.EMPTY_BUTTON,
        "empty_card": editor.EMPTY_CARD,
        "accepted_files": compose_content.accepted_files(),
    }
    return render_page(request, "message_templates/editor.html", context, status=status)


@require_POST
@company_page(Need.SEND)
def template_preview(request: PortalRequest) -> HttpResponse:
    """What stands beside the form: the bubble, the findings, the fields for samples."""
    asked = request.GET.get("template", "")
    known = template_or_404(request, asked) if asked else None
    context = _context(_posted(request.POST, request.company, known), company=request.company)
    context |= {
        "is_live": True,
        "all_placed": [(name, context["placed"].get(name, [])) for name in ALL_PLACES],
        # Fields in which somebody types are left alone as long as they are the right ones.
        "head_changed": request.POST.get("known_header") != _names(context["head_variables"]),
        "body_changed": request.POST.get("known_body") != _names(context["body_variables"]),
    }
    return render(request, "message_templates/editor_side.html", context)


@require_POST
@company_page(Need.SEND)
def template_sample(request: PortalRequest) -> HttpResponse:
    """Keep the file of a header as soon as it is chosen; its part of the form, or why it can't be."""
    context: dict[str, Any] = {"accepted_files": compose_content.accepted_files()}
    field = "card_media" if request.GET.get("field") == "card_media" else "header_media"
    context["field"] = field
    file = request.FILES.get("file")
    if file is not None:
        try:
            stored = media.store(company_id=request.company.pk, file=file, filename=file.name or "")
            context |= {"media_id": stored.public_id, "file_name": stored.filename}
        except ApiError as error:
            context["file_error"] = error.message
    return render(request, "message_templates/editor_file.html", context)


# --- What the form and the part beside it show --------------------------------------------


def _context(written: Written, *, company: Company, is_untouched: bool = False) -> dict[str, Any]:
    sheet = editor.sheet(written.components)
    findings = [] if is_untouched else written.findings()
    placed = place(findings, written.components)
    shown_language = written.language if isinstance(written.language, str) else ""
    is_code = written.category == AUTHENTICATION
    return {
        "written": written,
        "sheet": sheet,
        "is_named": written.parameter_format == NAMED,
        "placed": placed,
        "errors": [f for f in findings if f.severity == lint.Severity.ERROR],
        "warnings": [f for f in findings if f.severity == lint.Severity.WARNING],
        "head_variables": _variables(sheet["header_text"], sheet["header_samples"]),
        "body_variables": _variables(sheet["body"], sheet["body_samples"]),
        "bubble": previews.sample_bubble(
            written.components, language=shown_language, company_id=company.pk
        ),
        "is_code": is_code,
        "is_english_shown": is_code and not fixed_texts.is_known(shown_language),
    }


def _variables(text: str, samples: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, samples.get(name, "")) for name in variables(text)]


def _names(found: list[tuple[str, str]]) -> str:
    return "".join(f"{name}," for name, _sample in found)


_PLACES = {
    "HEADER": "header",
    "BODY": "body",
    "FOOTER": "footer",
    "BUTTONS": "buttons",
    "CAROUSEL": "cards",
    "LIMITED_TIME_OFFER": "offer",
}


ALL_PLACES = ("name", "language", "category", *_PLACES.values())


def place(findings: list[Finding], components: list[dict[str, Any]]) -> dict[str, list[Finding]]:
    """The findings by the part of the form that they belong beside."""
    kinds = [str(part.get("type", "")).upper() for part in components]
    placed: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        placed[_place_of(finding.component, kinds)].append(finding)
    return dict(placed)


def _place_of(path: str, kinds: list[str]) -> str:
    head, _dot, _rest = path.partition(".")
    if not head.startswith("components["):
        return "body" if head == "components" else head
    number = head.removeprefix("components[").removesuffix("]")
    kind = kinds[int(number)] if number.isdigit() and int(number) < len(kinds) else ""
    return _PLACES.get(kind, "body")
