"""Our checks and the Graph sandbox's, on many templates and sends: what we take, the sandbox takes."""

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from companies.graph.sandbox import messages, template_params, template_rules
from companies.graph.sandbox.templates import read_back
from messaging import payloads
from templates_app import lint, personal
from templates_app.parameters import InvalidComponents, fit
from tests.templates_app import making
from tests.templates_app.making import Json

VALUES = {"contact.name": "Amina", "contact.custom.the city": "Gulu", "contact.custom.code": "A1"}
_any_time: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
many = settings(max_examples=200, **_any_time)
# Each of these is tried in hundreds of ways, and our lint takes its time. What fails is shown as it is:
# to make it smaller would take minutes.
_any_time["phases"] = [Phase.explicit, Phase.reuse, Phase.generate]
some = settings(max_examples=120, **_any_time)
few = settings(max_examples=20, **_any_time)


def fitted(template: Json, components: Any) -> list[Json]:
    return fit(
        template=template["components"],
        components=components,
        authentication=template["category"] == "AUTHENTICATION",
    )


def refusals(template: Json, components: list[Json]) -> list[Any]:
    """What the sandbox says against a send of these."""
    payload = payloads.template(
        name=template["name"], language=template["language"], components=components
    )
    whole = payloads.addressed(payload, recipient="254712345678", reference="msg_1")
    checks = (messages.check(whole), template_params.check(template, components))
    return [error for error in checks if error]


@many
@given(data=st.data(), as_read=st.booleans())
def test_parameters_that_fit_are_taken_by_us_and_by_the_sandbox(
    data: st.DataObject, as_read: bool
) -> None:
    template = data.draw(making.TEMPLATES)
    given_ = data.draw(making.parameters(template))
    ours = {**template, "components": read_back(template["components"], template["category"])}

    out = fitted(ours if as_read else template, given_)

    assert fitted(template, out) == out
    for_one = personal.for_person(out, VALUES)
    assert refusals(template, for_one) == []
    assert fitted(template, for_one) == for_one


def agrees(template: Json, components: Any) -> None:
    """We refuse it, or the sandbox takes what we make of it."""
    try:
        for_one = personal.for_person(fitted(template, components), VALUES)
        fitted(template, for_one)
    except (InvalidComponents, personal.Missing):
        return
    assert refusals(template, for_one) == [], components


@some
@given(data=st.data())
def test_what_the_sandbox_refuses_we_refused_before(data: st.DataObject) -> None:
    template = data.draw(making.TEMPLATES)
    right = data.draw(making.parameters(template))

    agrees(template, data.draw(making.spoilt(right)))
    for components in making.each_spoilt(right):
        agrees(template, components)


@many
@given(template=making.TEMPLATES)
def test_a_template_that_is_right_is_taken_by_our_lint_and_by_the_sandbox(template: Json) -> None:
    assert lint.errors_in(lint.check(**template)) == []
    assert template_rules.check(template) is None


def lint_agrees(template: Json) -> None:
    keys = ("name", "language", "category", "components", "parameter_format")
    whole = {key: template.get(key) for key in keys}
    if template_rules.check(whole) is not None:
        assert lint.errors_in(lint.check(**whole)), (whole, template_rules.check(whole))


@few
@given(data=st.data())
def test_a_template_that_the_sandbox_refuses_our_lint_refused_before(data: st.DataObject) -> None:
    right = data.draw(making.TEMPLATES)

    lint_agrees(data.draw(making.spoilt(right)))
    for template in making.each_spoilt(right):
        lint_agrees(template)
