-- Columns whose value an application may change at any time, with an expression that changes it.
-- Left out: keys of every kind and what an index makes unique (a new value might collide), generated
-- and identity columns, partitions (written through their parent), types that have no neighbour
-- value (json, uuid, enums).
-- Source: https://www.postgresql.org/docs/current/catalogs.html
SELECT
  n.nspname,
  c.relname,
  a.attname,
  format(
    CASE
      WHEN a.atttypid = 'bool'::regtype THEN 'NOT %1$I'
      WHEN a.atttypid IN (
        'int2'::regtype, 'int4'::regtype, 'int8'::regtype,
        'numeric'::regtype, 'float4'::regtype, 'float8'::regtype
      ) THEN '%1$I + 1'
      WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype) THEN '%1$I || ''~'''
      WHEN a.atttypid IN ('date'::regtype) THEN '%1$I + 1'
      WHEN a.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype)
        THEN '%1$I + interval ''1 day'''
    END,
    a.attname
  )
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p')
  AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND a.attgenerated = ''
  AND a.attidentity = ''
  AND a.atttypid IN (
    'bool'::regtype, 'int2'::regtype, 'int4'::regtype, 'int8'::regtype,
    'numeric'::regtype, 'float4'::regtype, 'float8'::regtype,
    'text'::regtype, 'varchar'::regtype, 'date'::regtype,
    'timestamp'::regtype, 'timestamptz'::regtype
  )
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint k
    WHERE k.contype IN ('p', 'u', 'f', 'x')
      AND (k.conrelid = c.oid AND a.attnum = ANY (k.conkey)
        OR k.confrelid = c.oid AND a.attnum = ANY (k.confkey))
  )
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_index i
    WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey)
  )
ORDER BY 1, 2, a.attnum
