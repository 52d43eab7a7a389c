"""Messages in a stream, however it is split."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_schemaguard.wire import frames
from pytest_schemaguard.wire.frames import NoMessageError, Piece, Reader, message

KEPT = {b"Q": 20, b"C": 8, b"Z": 1, b"d": 0}
messages = st.lists(
    st.tuples(st.sampled_from([b"Q", b"C", b"Z", b"d", b"D", b"x"]), st.binary(max_size=40))
)


def split(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


def read(parts: list[bytes]) -> list[Piece]:
    reader = Reader(KEPT)
    return [piece for part in parts for piece in reader.feed(part)]


@given(messages, st.lists(st.integers(min_value=0), max_size=8))
def test_any_split_of_the_stream_gives_the_same_messages_and_passes_on_all_of_it(
    sent: list[tuple[bytes, bytes]], places: list[int]
) -> None:
    data = b"".join(message(kind, body) for kind, body in sent)
    pieces = read(split(data, places))
    assert b"".join(piece.raw for piece in pieces) == data
    assert [(piece.kind, piece.body, piece.whole) for piece in pieces if piece.kind] == [
        (kind, body[: KEPT[kind]], len(body) <= KEPT[kind]) for kind, body in sent if kind in KEPT
    ]


def test_what_nobody_reads_is_one_piece_and_waits_for_nothing() -> None:
    rows = message(b"D", b"row") * 3
    assert read([rows + message(b"Z", b"I")]) == [
        Piece(frames.REST, b"", rows),
        Piece(b"Z", b"I", message(b"Z", b"I")),
    ]
    head = message(b"D", b"x" * 1000)[:12]
    assert read([head]) == [Piece(frames.REST, b"", head)]


def test_message_longer_than_memory_passes_in_pieces_and_its_beginning_is_kept() -> None:
    reader = Reader(KEPT)
    head = b"Q" + (4 + (1 << 30)).to_bytes(4, "big")
    assert reader.feed(head + b"SELECT") == []
    first = b"x" * 100
    assert reader.feed(first) == [
        Piece(b"Q", b"SELECT" + b"x" * 14, head + b"SELECT" + first, whole=False)
    ]
    assert not reader.between
    left = (1 << 30) - 6 - len(first)
    part = b"y" * (1 << 20)
    while left:
        (piece,) = reader.feed(part[:left])
        assert piece.kind == frames.REST
        left -= len(piece.raw)
    assert reader.between
    assert reader.feed(message(b"Z", b"I")) == [Piece(b"Z", b"I", message(b"Z", b"I"))]


@pytest.mark.parametrize("length", [-1, 0, 3])
def test_length_that_no_message_has(length: int) -> None:
    with pytest.raises(NoMessageError):
        Reader(KEPT).feed(b"Q" + length.to_bytes(4, "big", signed=True))


def test_row_in_text_format() -> None:
    values = b"".join(
        len(one).to_bytes(4, "big", signed=True) + one for one in (b"1", b"", "ä".encode())
    )
    body = b"\0\4" + values + b"\xff\xff\xff\xff"
    assert frames.row(body) == ["1", "", "ä", None]
