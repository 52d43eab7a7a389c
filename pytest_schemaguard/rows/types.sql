-- The types of the columns of tables, and those that they are made of.
-- Source: https://www.postgresql.org/docs/current/catalog-pg-type.html
WITH RECURSIVE used (oid) AS (
  SELECT a.atttypid
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  UNION
  SELECT part.oid
  FROM used
  JOIN pg_type t ON t.oid = used.oid
  CROSS JOIN LATERAL (
    VALUES (t.typelem), (t.typbasetype)
    UNION SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
    UNION SELECT a.atttypid FROM pg_attribute a
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS part (oid)
  WHERE part.oid <> 0
)
SELECT
  t.oid::bigint,
  t.typname::text,
  format_type(t.oid, -1),
  CASE WHEN t.typtype = 'b' AND t.typcategory = 'A' THEN 'a' ELSE t.typtype::text END,
  coalesce(r.rngsubtype, nullif(t.typbasetype, 0), t.typelem)::bigint,
  t.typtypmod,
  format_type(nullif(t.typbasetype, 0), t.typtypmod),
  t.typndims,
  t.typnotnull,
  coalesce(e.typdelim, ',')::text,
  ARRAY(SELECT l.enumlabel::text FROM pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder),
  (
    SELECT coalesce(json_agg(json_build_array(a.atttypid::bigint, a.atttypmod, a.attname)
      ORDER BY a.attnum), '[]')
    FROM pg_attribute a
    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  ),
  ARRAY(
    SELECT pg_get_expr(k.conbin, 0) FROM pg_constraint k
    WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY k.conname
  )
FROM used
JOIN pg_type t ON t.oid = used.oid
LEFT JOIN pg_type e ON e.oid = t.typelem
LEFT JOIN pg_range r ON t.oid IN (r.rngtypid, r.rngmultitypid)
