"""What an application sees of each kind of difference: how bad, and in which words. Pure.

Each consequence is proven by a query on a server, in tests/checks/proofs/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping


class Sees(str, Enum):
    """What an application sees of a difference, the worst first."""

    BREAKS_SELECT = "breaks SELECT"
    """A query fails, or returns something else."""
    BREAKS_WRITE = "breaks INSERT or UPDATE"
    LOSES_INTEGRITY = "loses integrity"
    """What was written is not what is there, or not what the rest of the rows relies on."""
    BAD_DATA = "lets bad data in"
    SLOWER = "slower"
    COSMETIC = "cosmetic"
    """Every query does the same."""


_SEVERITIES = {Sees.SLOWER: Severity.WARNING, Sees.COSMETIC: Severity.INFO}


@dataclass(frozen=True)
class Meaning:
    """What a kind of difference means to the application."""

    severity: Severity
    fact: str
    consequence: str
    sees: Sees | None = None
    """None: no query of a model is known that sees it."""
    because: str | None = None
    """Why the severity is not the one that follows from what the application sees."""


def _means(
    sees: Sees,
    fact: str,
    consequence: str,
    severity: Severity | None = None,
    because: str | None = None,
) -> Meaning:
    """An error where a query breaks or data suffers, a warning where it costs time, else info."""
    follows = _SEVERITIES.get(sees, Severity.ERROR)
    assert (severity in {None, follows}) == (because is None)
    return Meaning(severity or follows, fact, consequence, sees, because)


_SELECT, _WRITE, _BAD_DATA = Sees.BREAKS_SELECT, Sees.BREAKS_WRITE, Sees.BAD_DATA
_INTEGRITY, _SLOWER, _COSMETIC = Sees.LOSES_INTEGRITY, Sees.SLOWER, Sees.COSMETIC
_WARNING, _INFO = Severity.WARNING, Severity.INFO

_MISSING = "{where}, missing in the database"
_MISSING_PART = "{where} {expected}, missing in the database"
_EXTRA = "in the database ({actual}), but in no model"
_CHANGED = "{where} {expected}, in the database {actual}"
_RENAMED = "{where} called {expected}, in the database {actual}"
_EQUAL = "in the database {actual}, in the models {expected}"

_REFUSED = "rows that the model allows are refused"
_DOUBLED = "doubled rows are let in"
_OTHERS_DOUBLED = "other rows than the model's are refused as doubled"
_REORDERED = "the same rows are refused; queries by its first column may scan the whole table"
_REFUSED_VALUE = "an INSERT that gives it a value fails (GeneratedAlways)"
_LEFT_OUT_FAILS = "an INSERT that leaves it out fails (NotNullViolation)"
_NO_TYPE = "every query that names the type fails (UndefinedObject)"
_LATER = "the same rows are refused, but it can be as late as COMMIT; ON CONFLICT fails on it"
_AT_ONCE = "rows that are right again by COMMIT are refused at once"
_UNCHECKED = "rows that were there before it may break it: they were not checked"
_CHECKED = "the same rows are refused; those that were there before it were checked too"
_NOT_COVERED = "the same rows are refused; a query of its INCLUDE columns reads the table too"
_COVERED = "the same rows are refused, and it covers more columns"
_SCANS = "queries that it would serve scan the whole table"
_DRAWS = "it draws other values, or comes to its end at another"
_RULE = "a rule that migrations make and models leave out is mostly wanted"
_ONLY_OTHERS = "what the application writes is not changed by it"

MEANINGS: Mapping[str, Meaning] = {
    # relations
    "missing-table": _means(_SELECT, _MISSING, "every query for {model} fails (UndefinedTable)"),
    "extra-table": _means(
        _COSMETIC,
        "in the database, but in no model",
        "is a module of the models not imported?{unimported}",
        _WARNING,
        "where a module was forgotten, its tables are not compared at all",
    ),
    "relation-kind": _means(_SELECT, _CHANGED, "a SELECT returns rows of its own, not the query's"),
    "unlogged": _means(_COSMETIC, _CHANGED, "its rows outlive a crash"),
    "unlogged: gained": _means(
        _INTEGRITY, _CHANGED, "it is empty after a crash", _WARNING, "only a crash shows it"
    ),
    "partitioning": _means(
        _WRITE,
        _CHANGED,
        "rows without a partition for them are refused",
        _WARNING,
        "whoever partitions a table makes the partitions of its rows",
    ),
    "partitioning: lost": _means(_SLOWER, _CHANGED, "queries by its key scan the whole table"),
    "inheritance": _means(
        _SELECT, _CHANGED, "a SELECT of a parent sees other rows", _WARNING, "its own are right"
    ),
    "storage": _means(_COSMETIC, _CHANGED, "no query sees it"),
    "tablespace": _means(_COSMETIC, _CHANGED, "no query sees it"),
    "access-method": _means(_COSMETIC, _CHANGED, "its rows are kept otherwise, and read the same"),
    "view": _means(
        _SELECT,
        _CHANGED,
        "a SELECT can return something else",
        _WARNING,
        "two spellings of one query differ too",
    ),
    "comment": _means(_COSMETIC, _CHANGED, "no query sees it"),
    # types, domains and sequences
    "missing-domain": _means(_SELECT, _MISSING_PART, _NO_TYPE),
    "extra-domain": _means(_COSMETIC, _EXTRA, "no query of a model uses it"),
    "domain": _means(_BAD_DATA, _CHANGED, "other values than the model's are let in"),
    "domain-constraint-name": _means(_COSMETIC, _CHANGED, "only names of its constraints differ"),
    "missing-enum": _means(_SELECT, _MISSING_PART, _NO_TYPE),
    "extra-enum": _means(_COSMETIC, _EXTRA, "no query of a model uses it"),
    "enum-labels": _means(
        _WRITE, _CHANGED, "labels that the database lacks cannot be written: {labels}"
    ),
    "enum-labels: gained": _means(
        _SELECT,
        _CHANGED,
        "rows with labels that the model lacks cannot be read (LookupError): {labels}",
        _WARNING,
        "the application itself writes none of them",
    ),
    "enum-order": _means(
        _SELECT,
        _CHANGED,
        "ORDER BY and < compare labels by this order",
        _WARNING,
        "every other query is the same",
    ),
    "missing-sequence": _means(
        _WRITE, _MISSING, "an INSERT of {model} that draws from it fails (UndefinedTable)"
    ),
    "extra-sequence": _means(_COSMETIC, _EXTRA, "no INSERT of a model draws from it"),
    "sequence": _means(_WRITE, _CHANGED, _DRAWS, _WARNING, "up to that end it goes on drawing"),
    "sequence-owner": _means(
        _COSMETIC,
        "{where} owned by {expected}, in the database by {actual}",
        "it is dropped with its owner",
    ),
    # columns
    "missing-column": _means(_SELECT, _MISSING, "every query for {model} fails (UndefinedColumn)"),
    "extra-column": _means(_COSMETIC, _EXTRA, "an INSERT of {model} leaves it NULL"),
    "extra-column: filled": _means(
        _COSMETIC, _EXTRA, "an INSERT of {model} leaves it to the database, which fills it"
    ),
    "extra-column: required": _means(
        _WRITE,
        _EXTRA,
        "every INSERT of {model} fails (NotNullViolation): it is NOT NULL and has no default",
    ),
    "type": _means(
        _SELECT, _CHANGED, "values that {model} writes can be refused, cut or read as another type"
    ),
    "type: incomparable": _means(
        _SELECT,
        _CHANGED,
        "a query that compares it with a value of the model's type fails (UndefinedFunction)",
    ),
    "type: narrower": _means(
        _WRITE, _CHANGED, "values of {model} that do not fit are refused (DataError)"
    ),
    "type: rounded": _means(_INTEGRITY, _CHANGED, "values of {model} are stored cut or rounded"),
    "type: read": _means(_SELECT, _CHANGED, "values of {model} are read as another type"),
    "type: zone": _means(
        _INTEGRITY, _CHANGED, "sessions with other time zones read its values as other times"
    ),
    "type: padded": _means(
        _INTEGRITY, _CHANGED, "values of {model} are read with blanks at their end"
    ),
    "type: unpadded": _means(
        _SELECT,
        _CHANGED,
        "values of {model} are read without the blanks that fill them up",
        _WARNING,
        "seldom does an application want these blanks",
    ),
    "type: binary json": _means(
        _INTEGRITY,
        _CHANGED,
        "keys are read in another order, and doubled ones once",
        _WARNING,
        "to an application that reads objects, they are the same",
    ),
    "type: domain": _means(_BAD_DATA, _CHANGED, "values that the domain forbids are let in"),
    "type: wider": _means(
        _BAD_DATA,
        _CHANGED,
        "all values of the model fit; others that it would not allow do too",
        _WARNING,
        _ONLY_OTHERS,
    ),
    "nullability: lost": _means(_BAD_DATA, _CHANGED, "rows without a value are let in"),
    "nullability: gained": _means(
        _WRITE,
        _CHANGED,
        "an INSERT without a value, which the model allows, fails (NotNullViolation)",
    ),
    "default: lost": _means(
        _BAD_DATA,
        _CHANGED,
        "an INSERT that leaves it out stores NULL",
        _WARNING,
        "the model allows NULL",
    ),
    "default: lost, required": _means(_WRITE, _CHANGED, _LEFT_OUT_FAILS),
    "default: gained": _means(
        _COSMETIC,
        _CHANGED,
        "an INSERT that leaves it out gets that value; mostly it is wanted, "
        "since it makes ADD COLUMN NOT NULL safe: tell it to the model as server_default",
        _WARNING,
        "the model may send NULL, or rely on there being none",
    ),
    "default: another": _means(
        _INTEGRITY,
        _CHANGED,
        "an INSERT that leaves it out stores another value",
        _WARNING,
        "a value that the model allows",
    ),
    "default: not owned": _means(
        _COSMETIC,
        _CHANGED,
        "the same to every INSERT; the sequence stays when the table is dropped",
    ),
    "serial-or-identity": _means(
        _COSMETIC, _CHANGED, "both draw the value from a sequence of their own"
    ),
    "serial-or-identity: strict": _means(
        _WRITE, _CHANGED, _REFUSED_VALUE, _WARNING, "the ORM leaves such a key to the database"
    ),
    "identity": _means(_WRITE, _CHANGED, _DRAWS, _WARNING, "up to that end it goes on drawing"),
    "identity: lost": _means(
        _BAD_DATA,
        _CHANGED,
        "an INSERT that leaves it out draws no value and stores NULL",
        _WARNING,
        "NULL is let in by the column",
    ),
    "identity: lost, required": _means(_WRITE, _CHANGED, _LEFT_OUT_FAILS),
    "identity: gained": _means(
        _COSMETIC,
        _CHANGED,
        "an INSERT that leaves it out draws a value, where the model's fails",
        _WARNING,
        "the model may rely on it that it fails",
    ),
    "identity: gained, strict": _means(_WRITE, _CHANGED, _REFUSED_VALUE),
    "identity: strict": _means(
        _WRITE, _CHANGED, _REFUSED_VALUE, _WARNING, "the ORM leaves such a key to the database"
    ),
    "identity: lenient": _means(_COSMETIC, _CHANGED, "an INSERT may give it a value too"),
    "generated": _means(_INTEGRITY, _CHANGED, "its values are not those that the model says"),
    "generated: stored": _means(_COSMETIC, _CHANGED, "its values are the same"),
    "generated: lost": _means(_INTEGRITY, _CHANGED, "nothing fills it: {model} does not write it"),
    "generated: gained": _means(_WRITE, _CHANGED, _REFUSED_VALUE),
    "collation": _means(
        _SELECT, _CHANGED, "rows are ordered and compared otherwise", _WARNING, "none is lost"
    ),
    # constraints
    "missing-primary-key": _means(
        _INTEGRITY, _MISSING_PART, "two rows can have the key by which {model} finds one"
    ),
    "missing-foreign-key": _means(
        _INTEGRITY,
        _MISSING_PART,
        "rows can refer to what is not there, and are left behind on delete",
    ),
    "missing-unique": _means(_BAD_DATA, _MISSING_PART, _DOUBLED),
    "missing-check": _means(_BAD_DATA, _MISSING_PART, "values that the model forbids are let in"),
    "missing-exclusion": _means(_BAD_DATA, _MISSING_PART, "rows that the model forbids are let in"),
    "extra-primary-key": _means(
        _WRITE, _EXTRA, _REFUSED + " as doubled (UniqueViolation)", _WARNING, _RULE
    ),
    "extra-foreign-key": _means(
        _WRITE, _EXTRA, _REFUSED + " (ForeignKeyViolation)", _WARNING, _RULE
    ),
    "extra-unique": _means(_WRITE, _EXTRA, _REFUSED + " as doubled (UniqueViolation)"),
    "extra-check": _means(_WRITE, _EXTRA, _REFUSED + " (CheckViolation)", _WARNING, _RULE),
    "extra-exclusion": _means(_WRITE, _EXTRA, _REFUSED + " (ExclusionViolation)"),
    "missing-not-null": _means(_COSMETIC, _MISSING_PART, "all rows were checked"),
    "extra-not-null": _means(_BAD_DATA, _EXTRA, _UNCHECKED),
    "unenforced-constraint": _means(
        _BAD_DATA, "in the database, but {actual}", "rows that it forbids are let in"
    ),
    "constraint-comment": _means(_COSMETIC, _CHANGED, "no query sees it"),
    "redundant-constraint": _means(_COSMETIC, _EQUAL, "an equal one does the same"),
    "renamed-constraint": _means(_COSMETIC, _RENAMED, "only the name differs"),
    "unique-index-for-constraint": _means(
        _COSMETIC,
        "{where} a constraint, in the database an equal index",
        "both refuse the same rows",
    ),
    "unique-constraint-for-index": _means(
        _COSMETIC,
        "{where} an index, in the database an equal constraint",
        "both refuse the same rows",
    ),
    "primary-key": _means(_INTEGRITY, _CHANGED, "the key by which {model} finds a row is another"),
    "unique": _means(_BAD_DATA, _CHANGED, _OTHERS_DOUBLED),
    **{
        f"{kind}: {variant}": meaning
        for kind in ("primary-key", "unique")
        for variant, meaning in {
            "reordered": _means(_SLOWER, _CHANGED, _REORDERED),
            "covering": _means(_COSMETIC, _CHANGED, _COVERED),
            "not covering": _means(_SLOWER, _CHANGED, _NOT_COVERED),
            "deferred": _means(
                _WRITE, _CHANGED, _LATER, _WARNING, "few statements say ON CONFLICT"
            ),
            "not deferred": _means(_WRITE, _CHANGED, _AT_ONCE + " (UniqueViolation)"),
        }.items()
    },
    "foreign-key": _means(
        _INTEGRITY, _CHANGED, "rows refer to something else, and others are refused"
    ),
    "foreign-key: action": _means(
        _INTEGRITY, _CHANGED, "a DELETE or UPDATE of what it refers to does another thing"
    ),
    "foreign-key: deferred": _means(
        _BAD_DATA,
        _CHANGED,
        "the same rows are refused, but it can be as late as COMMIT",
        _WARNING,
        "none of them is kept",
    ),
    "foreign-key: not deferred": _means(_WRITE, _CHANGED, _AT_ONCE + " (ForeignKeyViolation)"),
    "foreign-key: not valid": _means(_BAD_DATA, _CHANGED, _UNCHECKED),
    "foreign-key: valid": _means(_COSMETIC, _CHANGED, _CHECKED),
    "check": _means(_BAD_DATA, _CHANGED, "other values than the model's are let in"),
    "check: not valid": _means(_BAD_DATA, _CHANGED, _UNCHECKED),
    "check: valid": _means(_COSMETIC, _CHANGED, _CHECKED),
    "check: inherited": _means(
        _BAD_DATA,
        _CHANGED,
        "the same rows are refused, but of tables that inherit from it, others",
        _WARNING,
        "few tables are inherited from",
    ),
    "exclusion": _means(_BAD_DATA, _CHANGED, "other rows than the model's are let in"),
    # indexes
    "missing-index": _means(_SLOWER, _MISSING_PART, _SCANS),
    "missing-index: unique": _means(_BAD_DATA, _MISSING_PART, _DOUBLED),
    "extra-index": _means(_COSMETIC, _EXTRA, "it costs each write a little"),
    "extra-index: unique": _means(_WRITE, _EXTRA, _REFUSED + " as doubled (UniqueViolation)"),
    "index-tablespace": _means(_COSMETIC, _CHANGED, "no query sees it"),
    "redundant-index": _means(_COSMETIC, _EQUAL, "an equal one does the same"),
    "renamed-index": _means(_COSMETIC, _RENAMED, "only the name differs"),
    "index": _means(_SLOWER, _CHANGED, "queries that it would serve may scan the whole table"),
    "index: storage": _means(_COSMETIC, _CHANGED, "it serves the same queries"),
    "index: unique": _means(_BAD_DATA, _CHANGED, _OTHERS_DOUBLED),
    "index: unique, lost": _means(_BAD_DATA, _CHANGED, _DOUBLED),
    "index: unique, gained": _means(_WRITE, _CHANGED, _REFUSED + " as doubled (UniqueViolation)"),
    "invalid-index": _means(
        _BAD_DATA,
        "in the database, but invalid",
        "no query uses it; if it is unique, doubled rows may be there",
    ),
}
"""By the kind of the difference, with a colon and the variant where there are several."""
