-- The tables that rows can be made for, with what a new row has to satisfy. Partitions are left out,
-- whose rows go through their root, and what an extension owns. The settings of the session that
-- asks must find PostgreSQL's own names first.
-- Source: https://www.postgresql.org/docs/current/catalogs.html
SELECT
  n.nspname::text,
  c.relname::text,
  c.relkind::text,
  c.relkind = 'r' AND m.amname = 'heap' AND pg_relation_size(c.oid) = 0,
  has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
  (
    SELECT coalesce(json_agg(json_build_array(
      a.attname, a.atttypid::bigint, format_type(a.atttypid, a.atttypmod), a.atttypmod, a.attndims, a.attnotnull,
      a.attidentity <> '', a.attgenerated <> '', pg_get_expr(d.adbin, d.adrelid),
      -- A default that calls a function of the database's own may draw a sequence, like nextval().
      EXISTS (
        SELECT FROM pg_depend p
        WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
          AND p.refclassid = 'pg_proc'::regclass
      )
    ) ORDER BY a.attnum), '[]')
    FROM pg_attribute a
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ),
  (
    SELECT coalesce(json_agg(json_build_array(
      k.conname, pg_get_expr(k.conbin, k.conrelid),
      ARRAY(
        SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) ORDER BY a.attnum
      )
    ) ORDER BY k.conname), '[]')
    FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c'
  ),
  (
    -- Keys of every kind: of an expression, the columns beside it.
    SELECT coalesce(json_agg(ARRAY(
      SELECT a.attname FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) ORDER BY a.attnum
    ) ORDER BY i.indisprimary DESC, i.indexrelid), '[]')
    FROM pg_index i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)
  ),
  (
    SELECT coalesce(json_agg(json_build_array(
      k.conname, pn.nspname, p.relname,
      (
        SELECT json_agg(json_build_array(a.attname, b.attname) ORDER BY pair.place)
        FROM unnest(k.conkey, k.confkey) WITH ORDINALITY AS pair (here, there, place)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = pair.here
        JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = pair.there
      ),
      k.confmatchtype = 'f', k.condeferrable
    ) ORDER BY k.conname), '[]')
    FROM pg_constraint k
    JOIN pg_class p ON p.oid = k.confrelid
    JOIN pg_namespace pn ON pn.oid = p.relnamespace
    -- A key to a partitioned table has a constraint for each partition too.
    WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
  ),
  ARRAY(
    SELECT pg_get_partition_constraintdef(t.relid)
    FROM pg_partition_tree(c.oid) t
    WHERE t.isleaf AND c.relkind = 'p'
    ORDER BY t.relid::regclass::text
    LIMIT 100
  )
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_am m ON m.oid = c.relam
WHERE c.relkind IN ('r', 'p', 'f')
  AND NOT c.relispartition
  AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
  )
ORDER BY 1, 2
