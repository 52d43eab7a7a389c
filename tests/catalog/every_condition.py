"""What checks, indexes and their predicates say, in all the ways that there are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import types
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.schema import Column, MetaData, Table

CHECKS = r"""
a IN ('x', 'y')
a NOT IN ('x', 'y')
a = ANY (ARRAY['x', 'y'])
t IN ('x', 'y')
n IN (1, 2)
n BETWEEN 1 AND 10
n > 0 AND (m IS NULL OR m < n)
NOT (n = 5)
a ~ '^[a-z]+$'
a LIKE 'x%'
a ILIKE '%y'
length(a) > 0
char_length(t) <= 200
coalesce(n, 0) >= 0
n IS DISTINCT FROM m
(n, m) <> (0, 0)
a <> '' OR t <> ''
CASE WHEN n > 0 THEN a IS NOT NULL ELSE true END
d > '2000-01-01'
p >= 0.01
(a IS NULL) <> (t IS NULL)
num_nonnulls(a, t) = 1
a::text = lower(a)
n % 2 = 0
jsonb_typeof(j) = 'object'
cardinality(tags) > 0
tags <@ ARRAY['x', 'y']::varchar[]
d <= now()
status IN ('on', 'off')
a SIMILAR TO '(x|y)%'
trim(a) <> ''
n NOT BETWEEN 1 AND 5
n BETWEEN SYMMETRIC 5 AND 1
n IS NOT DISTINCT FROM m
b
b IS TRUE
b IS NOT FALSE
b = true
b IS UNKNOWN
NOT b
n != m
n::text <> '1'
c IN ('x', 'y')
c = 'x'
c::text IN ('x')
a IN ('x')
a IN ('x', NULL)
f > 0
f >= 0.5
f = 'NaN'
p BETWEEN 0 AND 1
p IN (0, 0.5)
n > -1
n < 1e3
m > 9999999999
a = ALL (ARRAY['x', 'y'])
a LIKE ANY (ARRAY['x%', 'y%'])
n < m + 1
d > now() - interval '1 year'
d AT TIME ZONE 'utc' > '2000-01-01'
d::date > '2000-01-01'
extract(year from d) > 2000
date_part('year', d) > 2000
date_trunc('day', d) = d
j ? 'x'
j ->> 'x' = 'y'
j #>> '{a,b}' IS NULL
j @> '{"a": 1}'
(j -> 'n')::int > 0
j ->> 'x' IN ('y', 'z')
j['a'] IS NOT NULL
tags[1] = 'x'
'x' = ANY (tags)
array_length(tags, 1) < 5
tags && '{x,y}'
a COLLATE "C" < 'z'
a ~* 'x' AND a !~ 'y'
status = 'on'
status::text = 'on'
status <> 'on' OR n IS NULL
substring(a, 1, 1) = 'x'
substring(a from 1 for 1) = 'x'
substring(a from '^x') IS NULL
position('x' in a) = 1
overlay(a placing 'x' from 1) = a
a IS NORMALIZED
normalize(a) = a
left(a, 1) = 'x'
a = 'it''s'
a = E'\\n'
a <> '100% "x" \\'
r @> 5
NOT isempty(r)
upper(r) > 1
u <> '00000000-0000-0000-0000-000000000000'
i > '1 day'
i <= interval '24 hours'
n & 1 = 0
n # m > 0
-n < 0
@ n > 1
|/ n > 1
n ^ 2 > 4
(n > 1) = (m > 1)
row(n, m) IS NULL
(n, m) = (1, 2)
(n, m) < (1, 2)
(n, m) IN ((1, 2), (3, 4))
nullif(a, '') IS NOT NULL
greatest(n, m) > 0
a || t <> 'xy'
concat(a, t) <> ''
(n > 0 OR m > 0) AND NOT (n > 0 AND m > 0)
n > 0 AND m > 0 AND p > 0
true
n = 1 OR n = 2
CASE status WHEN 'on' THEN n > 0 WHEN 'off' THEN n = 0 END
xmlparse(content t) IS NOT NULL
a IN ('x', 'y') AND t NOT IN ('x', 'y') OR n IN (1, 2)
a::varchar(3) = 'abc'
a::char(3) = 'abc'
""".strip().splitlines()

INDEXES = r"""
lower(a)
a COLLATE "C"
(a || t)
coalesce(a, 'x')
(j ->> 'x')
((j -> 'a') ->> 'b')
(j #>> '{a,b}')
((j ->> 'n')::integer)
date(d AT TIME ZONE 'utc')
(d AT TIME ZONE 'utc')
date_trunc('day', d AT TIME ZONE 'utc')
(n + m)
(-n)
(n % 10)
abs(n)
md5(t)
(a IN ('x', 'y'))
(n IS NULL)
(CASE WHEN n > 0 THEN a END)
substring(a from 1 for 3)
substring(a, 1, 3)
trim(a)
left(t, 10)
(a::text)
lower(a::text)
(n::text)
length(t)
extract(year from d AT TIME ZONE 'utc')
(b AND n > 0)
(tags[1])
lower(a) varchar_pattern_ops
a text_pattern_ops
lower(a) DESC NULLS LAST
n DESC, m ASC NULLS FIRST, lower(t)
upper(r)
lower(a) COLLATE "C" text_pattern_ops DESC
coalesce(n, 0), coalesce(m, -1)
(status = 'on')
""".strip().splitlines()

PREDICATES = r"""
n IS NULL
n IS NOT NULL AND m > 0
a IN ('x', 'y')
a = 'x' OR t = 'y'
b
NOT b
b IS TRUE
status = 'on'
status IN ('on', 'off')
n BETWEEN 1 AND 5
a LIKE 'x%'
d > '2000-01-01 00:00+00'
j ? 'x'
(j ->> 'x') = 'y'
a <> ''
p > 0
c = 'x'
lower(a) = 'x'
tags @> '{x}'
n <> ALL (ARRAY[1, 2])
a = ANY ('{x,y}')
f > 0.5
""".strip().splitlines()


def subject(name: str, metadata: MetaData, *more: Any) -> Table:
    """A table with the columns that CHECKS, INDEXES and PREDICATES speak of."""
    return Table(
        name,
        metadata,
        Column("a", types.String(20)),
        Column("t", types.Text),
        Column("c", types.CHAR(3)),
        Column("n", types.Integer),
        Column("m", types.BigInteger),
        Column("p", types.Numeric(10, 2)),
        Column("f", types.Float),
        Column("b", types.Boolean),
        Column("d", types.DateTime(timezone=True)),
        Column("i", types.Interval),
        Column("u", types.Uuid),
        Column("j", pg.JSONB),
        Column("r", pg.INT4RANGE),
        Column("tags", pg.ARRAY(types.String)),
        Column("status", types.Enum("on", "off", name="switch", metadata=metadata)),
        *more,
    )


def plain(text: str) -> Any:
    """As it stands: a colon is none of a parameter."""
    return sa.text(text.replace(":", "\\:"))
