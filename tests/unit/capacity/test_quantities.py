"""Quantities are exact, and amounts for people never promise too much."""

from __future__ import annotations

from fractions import Fraction

import pytest

from hubstack.capacity.quantities import parse, quantity, units, written


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("500m", Fraction(1, 2)),
        ("0.1", Fraction(1, 10)),
        (0.1, Fraction(1, 10)),
        (2, Fraction(2)),
        ("2Gi", Fraction(2**31)),
        ("1.5Gi", Fraction(3 * 2**29)),
        ("1G", Fraction(10**9)),
        ("1e3", Fraction(1000)),
        ("1E3", Fraction(1000)),
        ("1E", Fraction(10**18)),
        ("100u", Fraction(1, 10000)),
        ("5.", Fraction(5)),
        (".5", Fraction(1, 2)),
        (1e-05, Fraction(1, 100000)),
        ("1g", None),
        ("8GB", None),
        ("", None),
        ("Gi", None),
        (None, None),
        (True, None),
        ([], None),
        ("1e999999999", None),
        ("9" * 5000, None),
    ],
)
def test_quantities_as_kubernetes_reads_them(text: object, amount: Fraction | None) -> None:
    """Suffixes of both kinds, exponents and plain numbers are read exactly; anything else is no quantity."""
    assert parse(text) == amount


def test_units_are_rounded_up() -> None:
    """The scheduler counts thousandths of a core and whole bytes, and never less than what is asked for."""
    assert [units("cpu", Fraction(1, 10000)), units("cpu", Fraction(3, 2)), units("memory", Fraction(1, 2))] == [
        1,
        1500,
        1,
    ]


def test_amounts_for_people_are_rounded_down() -> None:
    """58.39 GiB is not written as 58.4."""
    assert written("memory", Fraction(5839 * 2**30, 100)) == "58.3 GiB"
    assert written("cpu", Fraction(7600, 1000)) == "7.6 CPU"
    assert written("nvidia.com/gpu", Fraction(2)) == "2 nvidia.com/gpu"
    assert written("requests.memory", Fraction(2**20)) == "1 MiB"


@pytest.mark.parametrize("text", ["500m", "2", "58Gi", "700Mi", "123456789"])
def test_quantities_can_be_written_again(text: str) -> None:
    """What is recorded is what was read."""
    name = "cpu" if text in ("500m", "2") else "memory"
    amount = parse(text)
    assert amount is not None
    assert quantity(name, amount) == text
