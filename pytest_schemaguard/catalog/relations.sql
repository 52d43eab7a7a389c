-- Tables, views and their like. Left out: system schemas, what an extension owns, by itself or with
-- its schema (timescaledb keeps its chunks in one), partitions (they are their parent's storage).
-- https://www.postgresql.org/docs/current/catalog-pg-class.html
SELECT
  n.nspname,
  c.relname,
  CASE c.relkind
    WHEN 'r' THEN 'table'
    WHEN 'p' THEN 'partitioned table'
    WHEN 'v' THEN 'view'
    WHEN 'm' THEN 'materialized view'
    WHEN 'f' THEN 'foreign table'
  END,
  c.relpersistence = 'u',
  CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END,
  obj_description(c.oid, 'pg_class'),
  c.reloptions,
  (
    SELECT string_agg(format('%I.%I', pn.nspname, p.relname), ', ' ORDER BY i.inhseqno)
    FROM pg_inherits i
    JOIN pg_class p ON p.oid = i.inhparent
    JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE i.inhrelid = c.oid
  ),
  CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT c.relispartition
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.deptype = 'e' AND (
      d.classid = 'pg_class'::regclass AND d.objid = c.oid
      OR d.classid = 'pg_namespace'::regclass AND d.objid = n.oid
    )
  )
ORDER BY 1, 2
