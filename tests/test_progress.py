from __future__ import annotations

from pytest_schemaguard.progress import Progress


def test_a_bar_is_drawn_until_all_are_done() -> None:
    written: list[str] = []
    progress = Progress(written.append)
    progress.bar(1, 3)
    progress.clear()
    progress.bar(3, 3)
    progress.clear()
    assert written == [
        f"\r\033[Kschema-guard: [{'#' * 10}{'.' * 20}] 1 of 3",
        "\r\033[K",
        "\r\033[K",
    ]


def test_where_nobody_watches_nothing_is_drawn() -> None:
    progress = Progress(None)
    progress.bar(1, 3)
    progress.clear()
