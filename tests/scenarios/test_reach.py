"""Which tables a script may write to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.scenarios.reach import reach

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address

SCHEMA = """
CREATE TABLE team (id int PRIMARY KEY);
CREATE TABLE member (id int PRIMARY KEY, team_id int REFERENCES team);
CREATE TABLE badge (member_id int REFERENCES member);
CREATE TABLE heir () INHERITS (team);
CREATE TABLE log (id int);
CREATE TABLE audited (id int);
CREATE TABLE part (id int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE pupil (id serial);
CREATE SEQUENCE ids;
CREATE TABLE desk (id int DEFAULT nextval('ids'));
CREATE TABLE room (id int GENERATED ALWAYS AS IDENTITY);
CREATE VIEW logged AS SELECT id FROM log;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER watch AFTER INSERT ON audited FOR EACH ROW EXECUTE FUNCTION note();
"""


@pytest.mark.parametrize(
    ("names", "reached"),
    [
        ({"log"}, {"log"}),
        ({"part_1"}, {"part"}),
        ({"badge"}, {"badge"}),
        ({"member"}, {"member", "badge"}),
        ({"team"}, {"team", "member", "badge", "heir"}),
        ({"nothing", "update"}, set()),
        ({"pupil_id_seq"}, {"pupil"}),
        ({"ids"}, {"desk"}),
        ({"room_id_seq"}, {"room"}),
        ({"logged"}, None),
        ({"note"}, None),
        ({"audited"}, None),
        ({"log", "execute"}, None),
        ({"log", "call"}, None),
    ],
)
def test_reach(
    connect: Callable[[Address], Any], database: Address, names: set[str], reached: set[str] | None
) -> None:
    connection = connect(database)
    connection.cursor().execute(SCHEMA)
    found = reach(read(connection), frozenset(names))
    assert found == (None if reached is None else {("public", one) for one in reached})
