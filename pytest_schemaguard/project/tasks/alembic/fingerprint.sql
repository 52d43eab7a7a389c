-- What a way down must restore, as (object, number, kind, schema, relation, member, definition).
-- The number is a column's, -1 for what names the object itself, 0 otherwise. An object's rows are
-- read when one of its catalog rows is newer than the transaction $1; those that are few, or hold
-- others' names (views, rules), always. The row `live` lists the objects that are there.
-- Left out: the order of columns, since one that is added again stands last; who owns a sequence.
-- No percent sign stands in here: it is sent as it is by whatever driver env.py uses. It is read
-- with the search path at pg_catalog, since what is deparsed depends on it.
-- https://www.postgresql.org/docs/current/catalogs.html
WITH since AS MATERIALIZED (
  SELECT age($1) AS most
), space AS MATERIALIZED (
  SELECT oid, nspname FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), extended AS MATERIALIZED (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), relation AS MATERIALIZED (
  SELECT c.oid, c.xmin, c.relname, c.relkind, s.nspname
  FROM pg_class c JOIN space s ON s.oid = c.relnamespace
  WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
    AND NOT EXISTS (
      SELECT FROM extended e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
    )
), touched AS MATERIALIZED (
  -- A default that changes changes its pg_attribute row too.
  SELECT oid FROM relation, since WHERE age(xmin) <= most OR relkind IN ('v', 'm')
  UNION SELECT attrelid FROM pg_attribute, since WHERE attrelid >= 16384 AND age(xmin) <= most
  UNION SELECT seqrelid FROM pg_sequence, since WHERE age(xmin) <= most
), fresh AS MATERIALIZED (
  SELECT r.oid, 'r' || r.oid AS object, r.nspname, r.relname, r.relkind
  FROM relation r JOIN touched USING (oid)
), condition AS MATERIALIZED (
  SELECT c.oid, c.xmin, c.conname, r.nspname, r.relname
  FROM pg_constraint c JOIN relation r ON r.oid = c.conrelid
  WHERE c.contype IN ('c', 'f', 'p', 'u', 'x')
), indexed AS MATERIALIZED (
  SELECT i.oid, i.xmin, x.xmin AS xmin2, i.relname AS name, r.nspname, r.relname,
    x.indisvalid, x.indisreplident, x.indisclustered
  FROM pg_index x JOIN relation r ON r.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
), caller AS MATERIALIZED (
  SELECT t.oid, t.xmin, t.tgname, t.tgenabled, r.nspname, r.relname
  FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
), routine AS MATERIALIZED (
  SELECT p.oid, p.xmin, p.proname, p.prokind, p.proacl, s.nspname
  FROM pg_proc p JOIN space s ON s.oid = p.pronamespace
  WHERE p.oid >= 16384
    AND NOT EXISTS (
      SELECT FROM extended e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid
    )
)
SELECT 'live'::text, 0, ''::text, ''::text, ''::text, ''::text, concat_ws(' ',
  (SELECT string_agg('r' || oid, ' ') FROM relation),
  (SELECT string_agg('c' || oid, ' ') FROM condition),
  (SELECT string_agg('i' || oid, ' ') FROM indexed),
  (SELECT string_agg('g' || oid, ' ') FROM caller),
  (SELECT string_agg('f' || oid, ' ') FROM routine))
UNION ALL
SELECT 'horizon', 0, '', '', '', '', pg_snapshot_xmin(pg_current_snapshot())::xid::text
UNION ALL
SELECT 'n' || oid, -1, 'schema', nspname, '', '', '' FROM space
UNION ALL
SELECT f.object, -1, CASE f.relkind
    WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' WHEN 'v' THEN 'view' WHEN 'm' THEN 'view'
    ELSE 'table' END,
  f.nspname, f.relname, '',
  concat_ws(' ', c.relpersistence, c.relkind, array_to_string(c.reloptions, ' '),
    CASE WHEN c.relrowsecurity THEN 'row security' END,
    CASE WHEN c.relforcerowsecurity THEN 'forced' END,
    pg_get_expr(c.relpartbound, c.oid),
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
    'owner ' || c.relowner::regrole::text, c.relacl::text)
FROM fresh f JOIN pg_class c USING (oid)
UNION ALL
SELECT f.object, a.attnum, 'column', f.nspname, f.relname, a.attname,
  concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
    CASE a.attgenerated WHEN '' THEN 'DEFAULT ' ELSE 'GENERATED ' END
      || pg_get_expr(d.adbin, d.adrelid),
    nullif(a.attidentity, ''), nullif(a.attgenerated, ''),
    (SELECT 'COLLATE ' || o.collname FROM pg_collation o JOIN pg_type t ON t.oid = a.atttypid
      WHERE o.oid = a.attcollation AND a.attcollation <> t.typcollation),
    a.attacl::text)
FROM fresh f
JOIN pg_attribute a ON a.attrelid = f.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE f.relkind <> 'S'
UNION ALL
SELECT f.object, 0, 'sequence', f.nspname, f.relname, 'options',
  concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
    s.seqcache, s.seqcycle)
FROM fresh f JOIN pg_sequence s ON s.seqrelid = f.oid
UNION ALL
SELECT 'c' || oid, 0, 'constraint', nspname, relname, conname, pg_get_constraintdef(oid)
FROM condition, since WHERE age(xmin) <= most
UNION ALL
SELECT 'i' || oid, 0, 'index', nspname, relname, name,
  concat_ws(' ', pg_get_indexdef(oid), CASE WHEN NOT indisvalid THEN 'INVALID' END,
    CASE WHEN indisreplident THEN 'REPLICA IDENTITY' END,
    CASE WHEN indisclustered THEN 'CLUSTER' END)
FROM indexed, since WHERE age(xmin) <= most OR age(xmin2) <= most
UNION ALL
SELECT 'g' || oid, 0, 'trigger', nspname, relname, tgname,
  concat_ws(' ', pg_get_triggerdef(oid), tgenabled)
FROM caller, since WHERE age(xmin) <= most
UNION ALL
SELECT 'f' || oid, -1, 'function', nspname, proname, pg_get_function_identity_arguments(oid),
  concat_ws(' ', CASE prokind WHEN 'a' THEN 'aggregate' ELSE pg_get_functiondef(oid) END,
    proacl::text)
FROM routine, since WHERE age(xmin) <= most
UNION ALL
SELECT 't' || t.oid, -1, 'type', s.nspname, t.typname, '', CASE t.typtype
  WHEN 'e' THEN (
    SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
    FROM pg_enum e WHERE e.enumtypid = t.oid
  )
  WHEN 'd' THEN concat_ws(' ', format_type(t.typbasetype, t.typtypmod),
    CASE WHEN t.typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || t.typdefault, (
      SELECT string_agg(c.conname || ' ' || pg_get_constraintdef(c.oid), ' ' ORDER BY c.conname)
      FROM pg_constraint c WHERE c.contypid = t.oid AND c.contype = 'c'
    ))
  ELSE t.typtype::text END
FROM pg_type t JOIN space s ON s.oid = t.typnamespace
WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd', 'r')
  AND NOT EXISTS (
    SELECT FROM extended e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid
  )
UNION ALL
SELECT '', 0, 'rule', r.nspname, r.relname, w.rulename, pg_get_ruledef(w.oid)
FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class WHERE w.rulename <> '_RETURN'
UNION ALL
SELECT '', 0, 'policy', r.nspname, r.relname, p.polname,
  concat_ws(' ', p.polcmd, p.polpermissive, pg_get_expr(p.polqual, p.polrelid),
    pg_get_expr(p.polwithcheck, p.polrelid), p.polroles::regrole[]::text)
FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
UNION ALL
SELECT '', 0, 'statistics', s.nspname, x.stxname, '', pg_get_statisticsobjdef(x.oid)
FROM pg_statistic_ext x JOIN space s ON s.oid = x.stxnamespace
UNION ALL
SELECT '', 0, 'extension', '', extname, '', extversion FROM pg_extension
UNION ALL
SELECT '', 0, 'comment', '', pg_describe_object(d.classoid, d.objoid, d.objsubid), '', d.description
FROM pg_description d
WHERE d.objoid >= 16384
  AND NOT EXISTS (
    SELECT FROM extended e WHERE e.classid = d.classoid AND e.objid = d.objoid
  )
