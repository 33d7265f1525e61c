"""The parts that pages are made of."""

import json
import re
from typing import Any

import pytest
from django import forms
from django.template.loader import render_to_string
from django.test import RequestFactory

from companies.charts import Chart, Series


class Everything(forms.Form):
    name = forms.CharField(
        max_length=5, widget=forms.TextInput({"placeholder": "N", "dir": "auto"})
    )
    secret = forms.CharField(required=False, widget=forms.PasswordInput)
    words = forms.CharField(required=False, widget=forms.Textarea({"rows": 3}), help_text="Help")
    number = forms.IntegerField(required=False, min_value=1, max_value=9, initial=1000)
    sure = forms.BooleanField(required=False)
    one = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], initial="b")
    several = forms.MultipleChoiceField(
        choices=[("x", "X"), ("y", "Y")], initial=["y"], widget=forms.CheckboxSelectMultiple
    )
    either = forms.ChoiceField(choices=[("l", "L"), ("r", "R")], widget=forms.RadioSelect)
    file = forms.FileField(required=False)
    hidden = forms.CharField(widget=forms.HiddenInput, initial="h")


def _field(name: str, data: dict[str, Any] | None = None) -> str:
    return render_to_string("parts/field.html", {"field": Everything(data)[name]})


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("name", r'name="name" placeholder="N" dir="auto" maxlength="5" id="id_name" required'),
        ("words", r'<textarea [^>]*rows="3"[^>]*aria-describedby="id_words_helptext"'),
        ("number", r'type="number" name="number" value="1000" min="1" max="9"'),
        ("one", r'<option value="b" selected>B'),
        ("several", r'type="checkbox" name="several" value="y" id="id_several_1" checked'),
        ("either", r'type="radio" name="either" value="l" id="id_either_0">'),
        ("file", r'type="file" name="file"'),
        ("hidden", r'<input type="hidden" name="hidden" value="h"'),
    ],
)
def test_each_kind_of_field_keeps_its_attributes_and_value(name: str, pattern: str):
    assert re.search(pattern, _field(name))


@pytest.mark.parametrize("name", ["name", "one", "several", "either"])
def test_an_error_stands_beside_its_field_and_is_named_by_it(name: str):
    html = _field(name, {})

    assert 'aria-invalid="true"' in html
    assert f'id="id_{name}_error"' in html
    assert f"id_{name}_error" in re.findall(r'aria-describedby="([^"]*)"', html)[0]


def test_a_password_is_never_written_back():
    assert "hunter2" not in _field("secret", {"secret": "hunter2"})


def test_what_was_typed_is_escaped():
    assert "<b>" not in _field("words", {"words": "</textarea><b>"})


def _pager(query: str, older: str) -> str:
    return render_to_string("parts/pager.html", {"older": older}, request=_get(query))


def _get(query: str) -> Any:
    return RequestFactory().get(f"/list?{query}")


def test_the_pager_keeps_the_filters_of_the_page():
    html = _pager("status=failed&before=9", "5")

    assert 'href="?status=failed&amp;before=5"' in html
    assert 'href="?status=failed"' in html


def test_the_pager_is_not_there_where_all_is_on_one_page():
    assert _pager("status=failed", "").strip() == ""


def test_the_filters_can_be_cleared_once_any_is_set():
    def bar(query: str) -> str:
        request = _get(query)
        form = type("F", (forms.Form,), {"q": forms.CharField(required=False)})(request.GET)
        return render_to_string("parts/filter_bar.html", {"form": form}, request=request)

    assert "Clear" not in bar("")
    assert "Clear" in bar("q=x")


def test_a_chart_has_the_same_figures_as_a_table():
    chart = Chart(
        unit="Day",
        labels=["1 Nov", "</script>"],
        series=[
            Series(label="Read", colour="read", values=[1200, 3]),
            Series(label="Failed", colour="failed", values=[4, 5]),
        ],
    )

    html = render_to_string("parts/chart.html", {"id": "per-day", "chart": chart, "title": "All"})

    [data] = re.findall(r'<script id="per-day" type="application/json">(.*?)</script>', html)
    assert json.loads(data)["series"][0]["values"] == [1200, 3]
    assert [list(row) for _, row in chart.rows] == [[1200, 4], [3, 5]]
    assert "1,200" in html
    assert 'data-chart="#per-day"' in html


def test_a_progress_bar_says_how_far_it_is():
    html = render_to_string("parts/progress.html", {"percent": 68, "label": "Import"})

    assert 'role="progressbar" aria-label="Import"' in html
    assert 'aria-valuenow="68"' in html
