-- Sequences that no extension and no identity column owns, and which column owns each.
-- https://www.postgresql.org/docs/current/catalog-pg-sequence.html
SELECT
  n.nspname,
  c.relname,
  concat_ws(' ',
    'AS ' || format_type(s.seqtypid, NULL),
    'START WITH ' || s.seqstart, 'INCREMENT BY ' || s.seqincrement,
    'MINVALUE ' || s.seqmin, 'MAXVALUE ' || s.seqmax, 'CACHE ' || s.seqcache,
    CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END),
  (
    SELECT ARRAY[tn.nspname, t.relname, a.attname]::text[]
    FROM pg_depend o
    JOIN pg_class t ON t.oid = o.refobjid
    JOIN pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = o.refobjsubid
    WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid
      AND o.refclassid = 'pg_class'::regclass AND o.deptype = 'a'
  )
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
    SELECT FROM pg_depend e
    WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype IN ('e', 'i')
  )
  AND NOT EXISTS (
    SELECT FROM pg_depend e
    WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e'
  )
ORDER BY 1, 2
