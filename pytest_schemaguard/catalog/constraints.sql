-- Constraints of tables, with PostgreSQL's own text of them. NOT NULL constraints ('n', since 18)
-- are their columns' nullability, but for those that do not hold for all rows; those that a partition inherits are its parent's, and so are the
-- rows that a foreign key to a partitioned table has for each partition (conparentid).
-- A key is told as its index too, since a unique index refuses the same rows; not where it is
-- deferrable: it refuses them later.
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
    WHEN 'n' THEN 'not null'
  END,
  pg_get_constraintdef(k.oid),
  ARRAY(
    SELECT a.attname::text
    FROM unnest(k.conkey) WITH ORDINALITY AS key (attnum, place)
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.attnum
    ORDER BY key.place
  ),
  CASE WHEN k.contype IN ('p', 'u') AND NOT k.condeferrable THEN (
    SELECT 'UNIQUE ON ' || regexp_replace(
      substr(
        pg_get_indexdef(i.indexrelid),
        length(format('CREATE UNIQUE INDEX %I ON ', x.relname)) + 1
      ),
      '^ONLY ', ''
    )
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indexrelid = k.conindid
  ) END,
  CASE
    WHEN NOT i.indisvalid THEN 'its index is not valid, as while a partition lacks it'
    WHEN off.tables IS NOT NULL THEN format('its triggers on %s are disabled', off.tables)
  END,
  (SELECT d.description FROM pg_description d
   WHERE d.classoid = 'pg_constraint'::regclass AND d.objoid = k.oid)
FROM pg_constraint k
-- ALTER TABLE ... DISABLE TRIGGER ALL turns foreign keys off too.
LEFT JOIN (
  SELECT tgconstraint,
    string_agg(DISTINCT tgrelid::regclass::text COLLATE "C", ', ')
  FROM pg_trigger
  WHERE tgisinternal AND tgenabled IN ('D', 'R')
  GROUP BY tgconstraint
) off (conid, tables) ON off.conid = k.oid
LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE (k.contype IN ('p', 'f', 'u', 'c', 'x') OR k.contype = 'n' AND NOT k.convalidated)
  AND k.conparentid = 0
  AND NOT c.relispartition
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2, 3
