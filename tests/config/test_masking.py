import pytest

from config.masking import masked, masked_input


@pytest.mark.parametrize(
    ("whole", "shown"),
    [
        ("254712345678", "+254 712 ••• 678"),
        ("15550131047", "+155 ••• 047"),
        ("12345678", "+•••"),
        ("KE.13491208655302741918", "KE. 134 ••• 918"),
        ("", "–"),
        (None, "–"),
    ],
)
def test_a_number_shows_its_ends(whole: str | None, shown: str):
    assert masked(whole).replace("\u00a0", " ") == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("+254 712-345-678", "+254 712 ••• 678"),
        ("0712 345 678", "071 ••• 678"),  # as it is written at home: without a plus
        ("not a number", "not a number"),
        ("0712", "0712"),
    ],
)
def test_an_input_is_masked_where_it_holds_a_whole_number(given: str, shown: str):
    assert masked_input(given).replace("\u00a0", " ") == shown
