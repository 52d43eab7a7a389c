-- Domains that no extension owns, by itself or with its schema, as CREATE DOMAIN ... AS would spell them.
-- https://www.postgresql.org/docs/current/catalog-pg-type.html
SELECT
  n.nspname,
  t.typname,
  concat_ws(' ',
    format_type(t.typbasetype, t.typtypmod),
    CASE WHEN t.typcollation <> b.typcollation THEN (
      SELECT format('COLLATE %I.%I', cn.nspname, co.collname)
      FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
      WHERE co.oid = t.typcollation
    ) END,
    'DEFAULT ' || t.typdefault,
    CASE WHEN t.typnotnull THEN 'NOT NULL' END,
    (
      SELECT string_agg(
        format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), ' ' ORDER BY k.conname
      )
      FROM pg_constraint k
      WHERE k.contypid = t.oid AND k.contype = 'c'
    )
  )
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
JOIN pg_type b ON b.oid = t.typbasetype
WHERE t.typtype = 'd'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend e
    WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e'
  )
  AND NOT EXISTS (
    SELECT FROM pg_depend e
    WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e'
  )
ORDER BY 1, 2
