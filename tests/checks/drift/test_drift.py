"""The words of drift, whole, and its verdict."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_schemaguard.catalog.diff import Difference
from pytest_schemaguard.checks import drift
from pytest_schemaguard.evidence.comparison import Comparison
from pytest_schemaguard.findings import Finding, Severity, Verdict
from pytest_schemaguard.project.answers.models import Ddl, EnvFacts, Models, Place
from tests.through_json import through_json

USER = ("public", "user")
COLUMN = (*USER, "clear_previous_anomalies")
PLACES = {
    USER: Place(path="app/models.py", line=9, model="User"),
    COLUMN: Place(path="app/models.py", line=17, model="User", attribute=COLUMN[2]),
    ("public", "link"): Place(path="app/models.py", line=40),
}
MODELS = Models(
    tables=(USER,),
    ddl=(
        Ddl(
            sql='CREATE TABLE "user" (id integer)',
            kind="table",
            subject="public.user",
            name=USER,
        ),
        Ddl(
            sql='CREATE INDEX ix ON "user" (id)',
            kind="index",
            subject="public.user.ix",
            name=(*USER, "ix"),
        ),
        Ddl(sql="CREATE TABLE a (id int)", kind="table", subject="public.a", name=("public", "a")),
    ),
    places=PLACES,
)


def difference(
    kind: str,
    name: tuple[str, ...] = USER,
    expected: str | None = None,
    actual: str | None = None,
    relation: str = "table",
) -> Difference:
    return Difference(kind=kind, name=name, expected=expected, actual=actual, relation=relation)


def comparison(*differences: Difference, **values: Any) -> Comparison:
    return Comparison(
        **{
            "differences": differences,
            "refused": {},
            "excluded": (),
            "fills_itself": {},
            **values,
        }
    )


def finding(one: Difference, **values: Any) -> Finding:
    (found,) = drift.findings(comparison(one, **values), MODELS)
    return found


def test_the_column_that_began_it_all() -> None:
    found = finding(difference("missing-column", COLUMN, expected="boolean DEFAULT true NOT NULL"))
    assert found == Finding(
        code="drift.missing-column",
        severity=Severity.ERROR,
        subject="public.user.clear_previous_anomalies",
        message=(
            "in the model User (app/models.py:17), missing in the database\n"
            "every query for User fails (UndefinedColumn)"
        ),
        expected="boolean DEFAULT true NOT NULL",
        fix=(
            'ALTER TABLE public."user" ADD COLUMN clear_previous_anomalies '
            "boolean DEFAULT true NOT NULL"
        ),
        path="app/models.py",
        line=17,
    )


@pytest.mark.parametrize(
    ("one", "words", "fix"),
    [
        (
            difference("missing-table", expected="table"),
            (
                "in the model User (app/models.py:9), missing in the database\n"
                "every query for User fails (UndefinedTable)"
            ),
            'CREATE TABLE "user" (id integer);\nCREATE INDEX ix ON "user" (id)',
        ),
        (
            difference("missing-table", ("public", "link"), expected="table"),
            (
                "in the table's model (app/models.py:40), missing in the database\n"
                "every query for the table public.link fails (UndefinedTable)"
            ),
            None,
        ),
        (
            difference("extra-table", ("public", "old"), actual="table"),
            "in the database, but in no model\nis a module of the models not imported?",
            None,
        ),
        (
            difference("extra-column", (*USER, "x"), actual="integer NOT NULL"),
            (
                "in the database (integer NOT NULL), but in no model\n"
                "every INSERT of User fails (NotNullViolation): it is NOT NULL and has no default"
            ),
            (
                'ALTER TABLE public."user" ALTER COLUMN x DROP NOT NULL '
                "-- or add it to the model; to drop it loses values"
            ),
        ),
        (
            difference("type", COLUMN, "character varying(50)", "character varying(20)"),
            (
                "in the model User (app/models.py:17) character varying(50), in the database "
                "character varying(20)\n"
                "values of User that do not fit are refused (DataError)"
            ),
            (
                'ALTER TABLE public."user" ALTER COLUMN clear_previous_anomalies '
                "TYPE character varying(50)"
            ),
        ),
        (
            difference("default", COLUMN, "now()", None),
            (
                "in the model User (app/models.py:17) now(), in the database none\n"
                "an INSERT that leaves it out fails (NotNullViolation)"
            ),
            'ALTER TABLE public."user" ALTER COLUMN clear_previous_anomalies SET DEFAULT now()',
        ),
        (
            difference("missing-unique", (*USER, "uq"), "UNIQUE (email)"),
            (
                "in the model User (app/models.py:9) UNIQUE (email), missing in the database\n"
                "doubled rows are let in"
            ),
            'ALTER TABLE public."user" ADD CONSTRAINT uq UNIQUE (email)',
        ),
        (
            difference("missing-foreign-key", (*USER, "fk"), "FOREIGN KEY (a) REFERENCES b(a)"),
            (
                "in the model User (app/models.py:9) FOREIGN KEY (a) REFERENCES b(a), "
                "missing in the database\n"
                "rows can refer to what is not there, and are left behind on delete"
            ),
            (
                'ALTER TABLE public."user" ADD CONSTRAINT fk '
                "FOREIGN KEY (a) REFERENCES b(a) NOT VALID;\n"
                'ALTER TABLE public."user" VALIDATE CONSTRAINT fk'
            ),
        ),
        (
            difference("missing-index", (*USER, "Ix %s"), "UNIQUE ON public.t USING btree (a)"),
            (
                "in the model User (app/models.py:9) UNIQUE ON public.t USING btree (a), "
                "missing in the database\ndoubled rows are let in"
            ),
            'CREATE UNIQUE INDEX CONCURRENTLY "Ix %s" ON public.t USING btree (a)',
        ),
        (
            difference("renamed-constraint", (*USER, "b"), "a", "b"),
            (
                "in the model User (app/models.py:9) called a, in the database b\n"
                "only the name differs"
            ),
            'ALTER TABLE public."user" RENAME CONSTRAINT b TO a',
        ),
        (
            difference("enum-labels", ("public", "mood"), "'a', 'it''s', 'b'", "'b', 'c'"),
            (
                "in the models 'a', 'it''s', 'b', in the database 'b', 'c'\n"
                "labels that the database lacks cannot be written: 'a', 'it''s'"
            ),
            (
                "ALTER TYPE public.mood ADD VALUE 'a' BEFORE 'b';\n"
                "ALTER TYPE public.mood ADD VALUE 'it''s' AFTER 'a'"
            ),
        ),
        (
            difference("invalid-index", (*USER, "ix"), "valid", "invalid"),
            (
                "in the database, but invalid\n"
                "no query uses it; if it is unique, doubled rows may be there"
            ),
            "REINDEX INDEX CONCURRENTLY public.ix",
        ),
        (
            difference("missing-column", (*USER, "x"), "integer NOT NULL"),
            (
                "in the model User (app/models.py:9), missing in the database\n"
                "every query for User fails (UndefinedColumn)"
            ),
            (
                'ALTER TABLE public."user" ADD COLUMN x integer;\n'
                "-- give the rows a value, then\n"
                'ALTER TABLE public."user" ALTER COLUMN x SET NOT NULL'
            ),
        ),
        (
            difference("missing-column", (*USER, "x"), "text", relation="view"),
            (
                "in the model User (app/models.py:9), missing in the database\n"
                "every query for User fails (UndefinedColumn)"
            ),
            None,
        ),
    ],
)
def test_each_finding_says_where_what_it_does_and_what_mends_it(
    one: Difference, words: str, fix: str | None
) -> None:
    found = finding(one, fills_itself={one.name: False})
    assert found.message == words
    assert found.fix == fix


def test_an_attribute_that_is_called_otherwise_is_named() -> None:
    place = Place(path="app/models.py", line=12, model="User", attribute="mail")
    models = replace(MODELS, places={**PLACES, (*USER, "e_mail"): place})
    (found,) = drift.findings(comparison(difference("missing-column", (*USER, "e_mail"))), models)
    assert found.message == (
        "in the model User.mail (app/models.py:12), missing in the database\n"
        "every query for User fails (UndefinedColumn)"
    )


@pytest.mark.parametrize(
    ("unimported", "words"),
    [
        ({"app.old": ("old",), "app.x": ("x",)}, " app.old defines it"),
        ({"app.old": ("old",), "lib.old": ("y", "old")}, " app.old and lib.old define it"),
        ({"app.x": ("x",), "app.y": (), "app.z": ()}, " app.y, app.z could define it"),
        ({"app.x": ("x",)}, ""),
    ],
)
def test_a_table_that_no_model_has_names_the_modules_that_were_not_imported(
    unimported: dict[str, tuple[str, ...]], words: str
) -> None:
    extra = comparison(difference("extra-table", ("public", "old"), actual="table"))
    (found,) = drift.findings(extra, replace(MODELS, unimported=unimported))
    assert found.severity is Severity.WARNING
    assert found.message == (
        f"in the database, but in no model\nis a module of the models not imported?{words}"
    )
    assert found.fix is None


@pytest.mark.parametrize(
    ("expected", "actual", "words"),
    [
        ("text", "public.mood", "a query that compares it with a value of the model's type fails"),
        ("public.positive", "integer", "values that the domain forbids are let in"),
        ("public.level", "text", "a query that compares it with a value of the model's type fails"),
        ("text", "public.any", "values that User writes can be refused, cut or read as another"),
    ],
)
def test_types_of_the_models_and_enums_of_the_database_are_known(
    expected: str, actual: str, words: str
) -> None:
    made = {
        "positive": "CREATE DOMAIN positive AS integer",
        "level": "CREATE TYPE level AS ENUM ('x')",
    }
    ddl = tuple(
        Ddl(sql=sql, kind="type", subject=f"public.{name}", name=("public", name))
        for name, sql in made.items()
    )
    found = drift.findings(
        comparison(
            difference("type", COLUMN, expected, actual),
            difference("extra-enum", ("public", "mood"), actual="'x'"),
        ),
        replace(MODELS, ddl=ddl),
    )
    assert words in next(one.message for one in found if one.code == "drift.type")


@pytest.mark.parametrize(
    "table",
    [
        *("goose_db_version", "databasechangelog", "_sqlx_migrations", "_yoyo_migration"),
        *("knex_migrations_lock", "migrations", "typeorm_metadata", "__drizzle_migrations"),
        *("alembic_version", "alembic_version_fab", "schema_migrations", "django_migrations"),
        *("flyway_schema_history", "databasechangeloglock", "_prisma_migrations"),
    ],
)
def test_version_tables_of_migration_tools_are_not_drift(table: str) -> None:
    extra = comparison(difference("extra-table", ("any", table), actual="table"))
    assert list(drift.findings(extra, MODELS)) == []


@pytest.mark.parametrize("kind", ["view", "materialized view", "foreign table"])
def test_a_view_that_no_model_maps_is_not_drift(kind: str) -> None:
    extra = comparison(difference("extra-table", ("public", "v"), actual=kind, relation=kind))
    assert list(drift.findings(extra, MODELS)) == []


def test_what_postgresql_refuses_to_make_is_not_told_as_too_much_in_the_database() -> None:
    found = comparison(
        difference("extra-check", (*USER, "c"), actual="CHECK (true)"),
        difference("extra-check", (*USER, "d"), actual="CHECK (true)"),
        difference("extra-table", ("public", "a"), actual="table"),
        refused={(*USER, "c"): "no", ("public", "a"): "no"},
    )
    assert [one.subject for one in drift.findings(found, MODELS)] == ["public.user.d"]


def judged_whole(found: Comparison, *, strict: bool = False) -> Verdict:
    evidence = {"comparison": found, "models": MODELS, "unimported": MODELS.unimported}
    guard = SimpleNamespace(
        look=lambda look: evidence[look.name], config=SimpleNamespace(strict=strict)
    )
    return drift.judge(cast("Any", guard), None)


def judged(found: Comparison, *, strict: bool = False) -> tuple[str, str | None]:
    verdict = judged_whole(found, strict=strict)
    return verdict.outcome.value, verdict.reason


def test_no_difference_passes_and_says_how_much_was_compared() -> None:
    assert judged(comparison()) == ("passed", "1 tables")


def test_a_warning_fails_only_with_strict() -> None:
    found = comparison(difference("extra-table", ("public", "old"), actual="table"))
    assert judged(found)[0] == "passed"
    assert judged(found, strict=True)[0] == "failed"


BY = "include_object in alembic/env.py:31"


def test_what_a_filter_of_alembics_hides_is_told_and_fails_nothing() -> None:
    one = difference("missing-column", COLUMN, expected="boolean NOT NULL")
    found = finding(one, hidden={one: BY})
    assert (found.severity, found.fix) == (Severity.INFO, None)
    assert found.message == (
        "in the model User (app/models.py:17), missing in the database\n"
        "hidden by include_object in alembic/env.py:31"
    )


def test_each_exclusion_by_a_filter_is_counted() -> None:
    hidden = {
        difference("missing-column", COLUMN, expected="boolean"): BY,
        difference("type", (*USER, "id"), "integer", "bigint"): BY,
        difference("extra-table", ("public", "x"), actual="table"): "include_name in env.py:3",
        # Nobody's drift in any case.
        difference("extra-table", ("public", "v"), actual="view"): "include_name in env.py:3",
    }
    found = comparison(*hidden, hidden=hidden)
    assert judged(found, strict=True) == (
        "passed",
        "1 tables, 1 difference hidden by include_name, 2 differences hidden by include_object",
    )
    assert len(judged_whole(found).findings) == 3


def test_what_is_hidden_crosses_from_process_to_process() -> None:
    one, other = (difference(kind, COLUMN, "x", "y") for kind in ("type", "default"))
    found = comparison(one, other, hidden={other: BY})
    assert through_json(found) == found


@pytest.mark.parametrize(("schema", "told"), [("ops", False), (None, False), ("public", True)])
def test_version_tables_that_env_py_names_are_not_drift(schema: str | None, told: bool) -> None:
    facts = EnvFacts(version_tables=((schema, "history"),))
    one = difference("extra-table", ("ops", "history"), actual="table")
    found = list(drift.findings(comparison(one), replace(MODELS, facts=facts)))
    assert bool(found) is told
