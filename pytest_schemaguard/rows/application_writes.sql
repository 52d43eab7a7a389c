-- The columns that each unique index or exclusion constraint uses, those of its expressions and its
-- condition too (it depends on them); and whether row-level security holds for who asks.
-- Source: https://www.postgresql.org/docs/current/catalog-pg-depend.html
SELECT
  n.nspname::text,
  c.relname::text,
  row_security_active(c.oid),
  (
    SELECT coalesce(json_agg(ARRAY(
      SELECT a.attname::text
      FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        AND (
          a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
          OR (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
              AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
              AND d.refobjsubid = a.attnum
          )
        )
      ORDER BY a.attnum
    ) ORDER BY i.indisprimary DESC, i.indexrelid), '[]')
    FROM pg_index i
    WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)
  )
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
