-- Tables, views and their like. Left out: system schemas, what an extension owns, by itself or with
-- its schema (timescaledb keeps its chunks in one), partitions (partitions.sql). A view has its oid
-- here: deparsed.sql has its query.
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
  (SELECT e.description FROM pg_description e
   WHERE e.classoid = 'pg_class'::regclass AND e.objoid = c.oid AND e.objsubid = 0),
  -- A table's own, and those of where its long values are kept.
  (
    SELECT string_agg(told, ', ' ORDER BY told COLLATE "C") FROM (
      SELECT unnest(c.reloptions) AS told
      UNION ALL
      SELECT 'toast.' || option FROM pg_class toast, unnest(toast.reloptions) AS option
      WHERE toast.oid = c.reltoastrelid
    ) AS options
  ),
  (
    SELECT string_agg(format('%I.%I', pn.nspname, p.relname), ', ' ORDER BY i.inhseqno)
    FROM pg_inherits i
    JOIN pg_class p ON p.oid = i.inhparent
    JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE i.inhrelid = c.oid
  ),
  CASE WHEN c.relkind IN ('v', 'm') THEN c.oid END,
  -- NULL: the database's own, the usual one.
  (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
  (SELECT m.amname FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT c.relispartition
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  )
  AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e'
  )
ORDER BY 1, 2
