-- Sequences that this role can read, each with the columns that draw from it, a row for each of
-- them: an identity column, and one whose default is a bare call of nextval (more than the call
-- would stand in parentheses, or call something else). Columns of integers alone, and of tables
-- whose rows this role can read; a partition's rows are its parent's.
-- A column refuses a value twice where an index on it alone is unique for all rows.
-- A domain has the output function of the type that it is made of.
-- https://www.postgresql.org/docs/current/catalog-pg-sequence.html
-- https://www.postgresql.org/docs/current/catalog-pg-depend.html
SELECT
  ARRAY[n.nspname, s.relname]::text[],
  -- NULL where nothing was drawn since it was made or set.
  pg_sequence_last_value(s.oid),
  q.seqincrement,
  q.seqmin,
  q.seqmax,
  q.seqcycle,
  (
    SELECT ARRAY[tn.nspname, t.relname, a.attname]::text[]
    FROM pg_depend o
    JOIN pg_class t ON t.oid = o.refobjid
    JOIN pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = o.refobjsubid
    WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid
      AND o.refclassid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')
  ),
  drawing.*
FROM pg_sequence q
JOIN pg_class s ON s.oid = q.seqrelid
JOIN pg_namespace n ON n.oid = s.relnamespace
LEFT JOIN LATERAL (
  SELECT
    ARRAY[tn.nspname, t.relname, a.attname]::text[],
    EXISTS (
      SELECT
      FROM pg_index i
      WHERE i.indrelid = t.oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1
        AND i.indkey[0] = a.attnum AND i.indpred IS NULL
    ),
    t.relkind = 'p',
    row_security_active(t.oid)
  FROM (
    SELECT d.adrelid, d.adnum
    FROM pg_depend uses
    JOIN pg_attrdef d ON d.oid = uses.objid
    WHERE uses.refclassid = 'pg_class'::regclass AND uses.refobjid = s.oid
      AND uses.classid = 'pg_attrdef'::regclass
      AND pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\(''([^'']|'''')*''::regclass\)$'
    UNION
    SELECT o.refobjid, o.refobjsubid::smallint
    FROM pg_depend o
    WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid AND o.deptype = 'i'
      AND o.refclassid = 'pg_class'::regclass
  ) AS by (relation, number)
  JOIN pg_class t ON t.oid = by.relation AND t.relkind IN ('r', 'p') AND NOT t.relispartition
  JOIN pg_namespace tn ON tn.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = by.number
  JOIN pg_type y ON y.oid = a.atttypid
    AND y.typoutput IN ('int2out'::regproc, 'int4out'::regproc, 'int8out'::regproc)
  WHERE has_schema_privilege(tn.oid, 'USAGE') AND has_table_privilege(t.oid, 'SELECT')
    AND (NOT row_security_active(t.oid) OR pg_has_role(t.relowner, 'USAGE'))
) AS drawing ON true
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(s.oid, 'SELECT')
ORDER BY 1, 8
