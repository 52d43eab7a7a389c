-- Columns of the relations of relations.sql, in their order.
-- A default that draws from a sequence that the column owns is named by that ownership, since the
-- sequence's name says nothing. A generated column's expression stands where defaults stand.
-- https://www.postgresql.org/docs/current/catalog-pg-attribute.html
SELECT
  n.nspname,
  c.relname,
  a.attname,
  format_type(a.atttypid, a.atttypmod),
  NOT a.attnotnull,
  CASE
    WHEN d.adbin IS NULL OR a.attgenerated <> '' THEN NULL
    WHEN EXISTS (
      SELECT
      FROM pg_depend uses
      JOIN pg_depend owned ON owned.classid = 'pg_class'::regclass AND owned.objid = uses.refobjid
        AND owned.deptype = 'a' AND owned.refobjid = c.oid AND owned.refobjsubid = a.attnum
      WHERE uses.classid = 'pg_attrdef'::regclass AND uses.objid = d.oid
        AND uses.refclassid = 'pg_class'::regclass
    ) AND pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\(' THEN 'nextval(its own sequence)'
    ELSE pg_get_expr(d.adbin, d.adrelid)
  END,
  CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
  CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
  CASE
    WHEN a.attcollation <> t.typcollation
      THEN format('%I.%I', cn.nspname, co.collname)
  END,
  col_description(c.oid, a.attnum)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT c.relispartition
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2, a.attnum
