-- Indexes that no constraint owns, as `[UNIQUE ]ON schema.table USING ...`: without their name, and
-- without the ONLY that stands before a partitioned table.
-- https://www.postgresql.org/docs/current/catalog-pg-index.html
SELECT
  n.nspname,
  c.relname,
  x.relname,
  CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || 'ON ' || regexp_replace(
    substr(
      pg_get_indexdef(i.indexrelid),
      length(format(
        CASE WHEN i.indisunique THEN 'CREATE UNIQUE INDEX %I ON ' ELSE 'CREATE INDEX %I ON ' END,
        x.relname
      )) + 1
    ),
    '^ONLY ', ''
  ),
  i.indisvalid AND i.indisready,
  ARRAY(
    SELECT a.attname::text
    FROM unnest(i.indkey) WITH ORDINALITY AS key (attnum, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = key.attnum
    ORDER BY key.place
  ),
  (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = x.reltablespace)
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT c.relispartition
  AND c.relkind IN ('r', 'p', 'm')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
  )
ORDER BY 1, 2, 3
