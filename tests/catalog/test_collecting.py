from __future__ import annotations

import gc
import threading

from pytest_schemaguard.catalog.collecting import uncollected


def test_the_collector_is_as_before_when_the_last_thread_is_out() -> None:
    inside, go = threading.Event(), threading.Event()

    def hold() -> None:
        with uncollected():
            inside.set()
            go.wait(10)

    assert gc.isenabled()
    thread = threading.Thread(target=hold)
    with uncollected():
        thread.start()
        assert inside.wait(10)
    assert not gc.isenabled()
    go.set()
    thread.join()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
