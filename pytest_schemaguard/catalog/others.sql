-- What no model can express, as (kind, name, text): told when two databases are compared.
-- https://www.postgresql.org/docs/current/catalogs.html
WITH space AS (
  SELECT oid, nspname, nspowner, nspacl
  FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), extended AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), relation AS (
  SELECT c.*, n.nspname
  FROM pg_class c JOIN space n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND (c.oid, 'pg_class'::regclass) NOT IN (SELECT objid, classid FROM extended)
)
SELECT 'schema', ARRAY[nspname]::text[], format('owner %s', nspowner::regrole)
FROM space
UNION ALL
SELECT 'privileges', ARRAY[nspname]::text[], (
  SELECT string_agg(item::text, ' ' ORDER BY item::text) FROM unnest(nspacl) AS item
)
FROM space WHERE nspacl IS NOT NULL
UNION ALL
SELECT 'owner', ARRAY[nspname, relname]::text[], relowner::regrole::text FROM relation
WHERE relkind <> 'S'
UNION ALL
SELECT 'privileges', ARRAY[nspname, relname]::text[], (
  SELECT string_agg(item::text, ' ' ORDER BY item::text) FROM unnest(relacl) AS item
)
FROM relation WHERE relacl IS NOT NULL
UNION ALL
SELECT 'privileges', ARRAY[c.nspname, c.relname, a.attname]::text[], (
  SELECT string_agg(item::text, ' ' ORDER BY item::text) FROM unnest(a.attacl) AS item
)
FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
UNION ALL
SELECT 'row-security', ARRAY[nspname, relname]::text[],
  CASE WHEN relforcerowsecurity THEN 'FORCE' ELSE 'ENABLE' END
FROM relation WHERE relrowsecurity
UNION ALL
SELECT 'policy', ARRAY[c.nspname, c.relname, p.polname]::text[], format(
  '%s FOR %s TO %s USING (%s) WITH CHECK (%s)',
  CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, p.polcmd,
  (SELECT string_agg(role::regrole::text, ', ' ORDER BY 1) FROM unnest(p.polroles) AS role),
  pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
)
FROM pg_policy p JOIN relation c ON c.oid = p.polrelid
UNION ALL
SELECT 'trigger', ARRAY[c.nspname, c.relname, t.tgname]::text[],
  format('%s (%s)', pg_get_triggerdef(t.oid), t.tgenabled)
FROM pg_trigger t JOIN relation c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal
UNION ALL
SELECT 'rule', ARRAY[c.nspname, c.relname, r.rulename]::text[], pg_get_ruledef(r.oid)
FROM pg_rewrite r JOIN relation c ON c.oid = r.ev_class
WHERE r.rulename <> '_RETURN'
UNION ALL
SELECT 'replica-identity', ARRAY[nspname, relname]::text[], relreplident::text
FROM relation WHERE relkind IN ('r', 'p') AND relreplident <> 'd'
UNION ALL
SELECT 'function',
  ARRAY[n.nspname, format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid))]::text[],
  concat_ws(' ',
    CASE
      WHEN p.prokind = 'a' THEN (
        SELECT format('AGGREGATE %s %s %s', a.aggtransfn, a.aggtranstype::regtype, a.agginitval)
        FROM pg_aggregate a WHERE a.aggfnoid = p.oid
      )
      ELSE pg_get_functiondef(p.oid)
    END,
    (SELECT string_agg(item::text, ' ' ORDER BY item::text) FROM unnest(p.proacl) AS item)
  )
FROM pg_proc p JOIN space n ON n.oid = p.pronamespace
WHERE (p.oid, 'pg_proc'::regclass) NOT IN (SELECT objid, classid FROM extended)
UNION ALL
SELECT 'composite-type', ARRAY[n.nspname, c.relname]::text[], (
  SELECT string_agg(
    format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum
  )
  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
)
FROM pg_class c JOIN space n ON n.oid = c.relnamespace
WHERE c.relkind = 'c'
UNION ALL
SELECT 'statistics', ARRAY[n.nspname, s.stxname]::text[], pg_get_statisticsobjdef(s.oid)
FROM pg_statistic_ext s JOIN space n ON n.oid = s.stxnamespace
UNION ALL
SELECT 'extension', ARRAY[extname]::text[], extversion FROM pg_extension
UNION ALL
SELECT 'event-trigger', ARRAY[evtname]::text[],
  format('%s %s %s %s', evtevent, evtfoid::regproc, evtenabled, evttags)
FROM pg_event_trigger
UNION ALL
SELECT 'publication', ARRAY[p.pubname]::text[], format(
  'all %s insert %s update %s delete %s truncate %s root %s of %s',
  p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot,
  (SELECT string_agg(r.prrelid::regclass::text, ', ' ORDER BY r.prrelid::regclass::text)
   FROM pg_publication_rel r WHERE r.prpubid = p.oid)
)
FROM pg_publication p
UNION ALL
SELECT 'setting', ARRAY[coalesce(nullif(s.setrole, 0)::regrole::text, '')]::text[],
  array_to_string(s.setconfig, ', ')
FROM pg_db_role_setting s
WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1, 2
