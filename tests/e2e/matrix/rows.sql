-- All rows, each as a line of its table and its values by the names of their columns. `told` are
-- tables and columns that are left out.
SELECT format(
  'SELECT %L || jsonb_build_object(%s)::text FROM ONLY %s AS t',
  c.oid::regclass || ' ',
  string_agg(format('%1$L, t.%1$I::text', a.attname), ', '),
  c.oid::regclass
)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.oid >= 16384
  AND c.relname <> ALL (string_to_array(:'told', '|'))
  AND a.attname <> ALL (string_to_array(:'told', '|'))
GROUP BY c.oid
\gexec
