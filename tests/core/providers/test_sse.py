"""The event reader: the network may cut the bytes anywhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Interrupted
from core.providers._sse import EventReader

_VALUE = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=12)


@st.composite
def _streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """Any stream the format allows, and the data of its events."""
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    out, expected = [draw(st.sampled_from(["", "\ufeff"]))], []
    for lines in draw(st.lists(st.lists(_VALUE, min_size=1, max_size=3), max_size=6)):
        for line in lines:
            noise = draw(st.sampled_from(["", ": keep-alive", "event: x", "id", "retry: 5", "dataset: no"]))
            out += [noise, end] if noise else []
            out += ["data:", " " if line.startswith(" ") else draw(st.sampled_from(["", " "])), line, end]
        out.append(end)
        expected.append("\n".join(lines).encode())
    return "".join(out).encode(), expected


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    cuts = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(cuts)]


@given(_streams(), st.lists(st.integers(0, 10_000), max_size=12))
def test_events_are_the_same_wherever_the_bytes_are_cut(stream: tuple[bytes, list[bytes]], places: list[int]) -> None:
    data, expected = stream
    reader = EventReader()
    got = [event for piece in _cut(data, places) for event in reader.feed(piece)]
    assert got == expected


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=8))
def test_any_bytes_give_the_same_events_in_one_piece_as_in_many(data: bytes, places: list[int]) -> None:
    whole, cut = EventReader(), EventReader()
    assert whole.feed(data) == [event for piece in _cut(data, places) for event in cut.feed(piece)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stream_that_comes_byte_by_byte_reads_the_same(end: str) -> None:
    reader, data = EventReader(), f"data: a{end}data: b{end}{end}data: c{end}{end}".encode()
    assert [event for n in range(len(data)) for event in reader.feed(data[n : n + 1])] == [b"a\nb", b"c"]


def test_an_event_without_its_blank_line_is_not_given_out() -> None:
    reader = EventReader()
    assert reader.feed(b"data: half") == []
    assert reader.feed(b"\n") == []
    assert reader.feed(b"\n") == [b"half"]


def test_lines_of_one_event_are_joined_and_only_one_space_is_dropped() -> None:
    assert EventReader().feed(b"data:  a\ndata:b\ndata\n\n") == [b" a\nb\n"]


def test_a_line_that_never_ends_is_refused_at_the_limit() -> None:
    reader = EventReader(limit=100)
    reader.feed(b"data: " + b"x" * 90)
    with pytest.raises(Interrupted):
        reader.feed(b"x" * 5)


def test_an_event_that_never_ends_is_refused_at_the_limit() -> None:
    reader = EventReader(limit=100)
    with pytest.raises(Interrupted):
        reader.feed(b"data: x\n" * 100)


def test_many_small_events_are_no_large_one() -> None:
    reader = EventReader(limit=100)
    assert len(reader.feed(b"data: 0123456789\n\n" * 1000)) == 1000
