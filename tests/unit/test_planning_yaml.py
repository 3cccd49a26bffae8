"""Rules of reading YAML: plain data with lines, and nothing that a campaign file should never hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.errors import CampaignFileError
from orchestrator.planning.findings import Findings
from orchestrator.planning.yaml_lines import FILE_LIMIT_BYTES, read_yaml


def read(text: str | bytes) -> object:
    return read_yaml(text if isinstance(text, bytes) else text.encode(), Findings("f.yaml")).value


def refusal(text: str | bytes) -> CampaignFileError:
    with pytest.raises(CampaignFileError) as caught:
        read(text)
    return caught.value


@pytest.mark.parametrize(("text", "value"), [
    ("1e-4", 0.0001), ("1e3", 1000.0), ("010", 10), ("0x10", 16), ("0o17", 15), (".5", 0.5), ("-3", -3), ("+7", 7),
    ("off", "off"), ("yes", "yes"), ("No", "No"), ("true", True), ("FALSE", False), ("~", None), ("null", None),
    ('"1e-4"', "1e-4"), ("'true'", "true"), ("1:30", "1:30"), ("2026-01-01", "2026-01-01"), ("1_000", "1_000"),
    ("2h", "2h"), ("5.", 5.0),
])
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    found = read(f"a: {text}")
    assert found == {"a": value}
    assert type(found["a"]) is type(value)  # type: ignore[index]


def test_every_key_and_item_has_its_line() -> None:
    located = read_yaml(b"a: 1\nb:\n  - x\n  - {c: 2,\n     d: 3}\n", Findings("f"))
    assert located.lines == {("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4, ("b", 1, "d"): 5}


@pytest.mark.parametrize(("text", "line", "words"), [
    ("a: 1\nb: 2\na: 3\n", 3, "stands here twice; first on line 1"),
    ("a: 1\nb: .nan\n", 2, "expected a finite number"),
    ("a: 1\nb: [1, -.inf]\n", 2, "expected a finite number"),
    ("b: 1e999\n", 1, "expected a finite number"),
    ("a: !!python/object/apply:os.system [id]\n", 1, "tags such as"),
    ("a: !secret x\n", 1, "tags such as"),
    ("a: {<<: {b: 1}}\n", 1, "merge keys"),
    ("? [1, 2]\n: x\n", 1, "a key must be a plain word"),
    ("a: 1\n~: 2\n", 2, "a key must be a plain word"),
    ("a: 1\n  b: 2\n", 2, "not YAML"),
    ("a: [1, 2\nb: 3\n", 2, "not YAML"),
    ("a: 1\n---\nb: 2\n", 2, "not YAML"),
    ("a: 1\nb: \x07\n", 2, "not allowed"),
    (f"a: {'9' * 5000}\n", 1, "at most 30 digits"),
    ("a: &x [*x]\n", 1, "contains it"),
])
def test_what_no_campaign_should_hold_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    error = refusal(text)
    assert error.line == line
    assert words in error.message
    assert error.message.startswith(f"f.yaml:{line}: ")
    assert error.exit_code == 2


def test_two_problems_are_both_told() -> None:
    message = refusal("a: .nan\nb: 1\nb: 2\n").message
    assert "f.yaml:1: a: expected a finite number" in message
    assert "f.yaml:3: b: this key stands here twice" in message


def test_text_that_is_not_utf_8_is_refused_with_its_line() -> None:
    error = refusal(b"a: 1\nb: \xff\n")
    assert (error.line, "not UTF-8" in error.message) == (2, True)


def test_aliases_that_expand_to_too_much_are_refused() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    assert "expands to more than" in refusal(bomb).message


def test_aliases_within_reason_are_copies() -> None:
    found = read("a: &x {k: [1]}\nb: *x\n")
    assert found == {"a": {"k": [1]}, "b": {"k": [1]}}
    assert found["a"]["k"] is not found["b"]["k"]  # type: ignore[index]


@pytest.mark.parametrize("text", ["[" * 5000, "a: " + "{b: " * 100 + "1" + "}" * 100])
def test_nesting_without_end_is_refused(text: str) -> None:
    assert "nested" in refusal(text).message


def test_a_file_too_large_is_refused_before_it_is_parsed() -> None:
    assert "larger than 1024 KiB" in refusal(b"[" * (FILE_LIMIT_BYTES + 1)).message


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(alphabet="ab:[]{}&*!-? \n'\"#|>%@,.0", max_size=80)))
def test_any_bytes_give_data_or_one_clear_refusal(data: bytes | str) -> None:
    message = ""
    try:
        read(data)
    except CampaignFileError as error:
        message = error.message
    assert message == "" or message.startswith("f.yaml")
