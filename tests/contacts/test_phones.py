import pytest

from contacts.phones import NotANumber, typed_number


@pytest.mark.parametrize(
    "typed",
    ["0712 345-678", "+254712345678", "00254 712 345 678", "(254) 712.345.678", "'0712345678"]
    + ["254712345678.0", "\u202a+254 712 345678\u202c", "٠٧١٢٣٤٥٦٧٨", "２５４７１２３４５６７８"],
)
def test_a_number_is_taken_in_any_written_form(typed: str):
    assert typed_number(typed, country="KE") == "254712345678"


@pytest.mark.parametrize("typed", ["", "Jane", "Room 12 345 678", "12", "2.54712E+11", "2,5E11"])
def test_what_is_no_number_is_refused_with_a_reason(typed: str):
    with pytest.raises(NotANumber, match=r"\w{3,}"):
        typed_number(typed, country="KE")


def test_a_number_that_a_spreadsheet_rounded_is_not_guessed():
    with pytest.raises(NotANumber, match="rounded"):
        typed_number("2.54712345678E+11", country="KE")
