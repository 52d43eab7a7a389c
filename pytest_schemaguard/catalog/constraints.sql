-- Constraints of tables, with PostgreSQL's own text of them. NOT NULL constraints ('n', since 18)
-- are their columns' nullability; those that a partition inherits are its parent's.
-- https://www.postgresql.org/docs/current/catalog-pg-constraint.html
SELECT
  n.nspname,
  c.relname,
  k.conname,
  CASE k.contype
    WHEN 'p' THEN 'primary key'
    WHEN 'f' THEN 'foreign key'
    WHEN 'u' THEN 'unique'
    WHEN 'c' THEN 'check'
    WHEN 'x' THEN 'exclusion'
  END,
  pg_get_constraintdef(k.oid),
  CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END,
  ARRAY(
    SELECT a.attname::text
    FROM unnest(k.conkey) WITH ORDINALITY AS key (attnum, place)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.attnum
    ORDER BY key.place
  ),
  CASE WHEN k.contype = 'u' THEN (
    SELECT substr(
      pg_get_indexdef(i.indexrelid),
      length(format('CREATE UNIQUE INDEX %I ON ', x.relname)) + 1
    )
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indexrelid = k.conindid
  ) END
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype IN ('p', 'f', 'u', 'c', 'x')
  AND NOT c.relispartition
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2, 3
