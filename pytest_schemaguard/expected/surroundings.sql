-- What is in a database and is no table of it, as (kind, name, text, statement): what the models' DDL
-- meets. The statement makes it in another database; where there is none, that has it or never will.
-- What an extension owns is told by the extension's version. The rarer kinds are told as the rows of
-- their catalogs: an oid in there can make a difference, but hide none.
-- https://www.postgresql.org/docs/current/catalogs.html
WITH extended AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), rare (class, oid, text) AS (
  SELECT 'pg_type'::regclass, t.oid, to_jsonb(t) FROM pg_type t
  WHERE t.typtype IN ('b', 'r', 'm') AND t.typcategory <> 'A'
  UNION ALL SELECT 'pg_type'::regclass, rngtypid, to_jsonb(r) FROM pg_range r
  UNION ALL SELECT 'pg_collation'::regclass, oid, to_jsonb(c) FROM pg_collation c
  UNION ALL SELECT 'pg_operator'::regclass, oid, to_jsonb(o) FROM pg_operator o
  UNION ALL SELECT 'pg_opclass'::regclass, oid, to_jsonb(o) FROM pg_opclass o
  UNION ALL SELECT 'pg_opfamily'::regclass, oid, to_jsonb(o) FROM pg_opfamily o
  UNION ALL SELECT 'pg_opfamily'::regclass, amopfamily, to_jsonb(a) FROM pg_amop a
  UNION ALL SELECT 'pg_opfamily'::regclass, amprocfamily, to_jsonb(a) FROM pg_amproc a
  UNION ALL SELECT 'pg_cast'::regclass, oid, to_jsonb(c) FROM pg_cast c
  UNION ALL SELECT 'pg_conversion'::regclass, oid, to_jsonb(c) FROM pg_conversion c
  UNION ALL SELECT 'pg_ts_config'::regclass, oid, to_jsonb(t) FROM pg_ts_config t
  UNION ALL SELECT 'pg_ts_config'::regclass, mapcfg, to_jsonb(t) FROM pg_ts_config_map t
  UNION ALL SELECT 'pg_ts_dict'::regclass, oid, to_jsonb(t) FROM pg_ts_dict t
  UNION ALL SELECT 'pg_ts_parser'::regclass, oid, to_jsonb(t) FROM pg_ts_parser t
  UNION ALL SELECT 'pg_ts_template'::regclass, oid, to_jsonb(t) FROM pg_ts_template t
  UNION ALL SELECT 'pg_language'::regclass, oid, to_jsonb(l) FROM pg_language l
  UNION ALL SELECT 'pg_transform'::regclass, oid, to_jsonb(t) FROM pg_transform t
  UNION ALL SELECT 'pg_am'::regclass, oid, to_jsonb(a) FROM pg_am a
  UNION ALL SELECT 'pg_proc'::regclass, aggfnoid::oid, to_jsonb(a) FROM pg_aggregate a
  UNION ALL
  SELECT 'pg_foreign_data_wrapper'::regclass, oid, to_jsonb(f) FROM pg_foreign_data_wrapper f
  UNION ALL SELECT 'pg_foreign_server'::regclass, oid, to_jsonb(f) FROM pg_foreign_server f
  UNION ALL SELECT 'pg_event_trigger'::regclass, oid, to_jsonb(e) FROM pg_event_trigger e
)
SELECT 'schema', nspname::text, format('%s %s', nspowner::regrole, nspacl),
  format('CREATE SCHEMA IF NOT EXISTS %I', nspname)
FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'
UNION ALL
SELECT 'extension', extname::text, format('%s in %s', extversion, extnamespace::regnamespace),
  format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %s VERSION %L',
    extname, extnamespace::regnamespace, extversion)
FROM pg_extension
UNION ALL
SELECT 'owner', t.oid::regtype::text, format('%s %s', t.typowner::regrole, t.typacl),
  format('ALTER TYPE %s OWNER TO %s', t.oid::regtype, t.typowner::regrole)
FROM pg_type t
WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd')
  AND (t.oid, 'pg_type'::regclass) NOT IN (SELECT objid, classid FROM extended)
UNION ALL
SELECT 'owner', c.oid::regclass::text, format('%s %s', c.relowner::regrole, c.relacl),
  format('ALTER SEQUENCE %s OWNER TO %s', c.oid::regclass, c.relowner::regrole)
FROM pg_class c
WHERE c.relkind = 'S' AND NOT EXISTS (
  SELECT FROM pg_depend d
  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'e', 'i')
)
UNION ALL
SELECT 'composite type', t.oid::regtype::text, format('%s %s %s', t.typowner::regrole, t.typacl, (
  SELECT string_agg(
    format('%I %s %s', a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation),
    ', ' ORDER BY a.attnum
  )
  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
)), NULL
FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid
WHERE t.oid >= 16384 AND c.relkind = 'c'
  AND (t.oid, 'pg_type'::regclass) NOT IN (SELECT objid, classid FROM extended)
UNION ALL
SELECT 'function', p.oid::regprocedure::text, format('%s %s %s', p.proowner::regrole, p.proacl, made.text),
  made.text
FROM pg_proc p
CROSS JOIN LATERAL (
  SELECT CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END AS text OFFSET 0
) made
WHERE p.oid >= 16384 AND (p.oid, 'pg_proc'::regclass) NOT IN (SELECT objid, classid FROM extended)
UNION ALL
SELECT class::text, (pg_identify_object(class, oid, 0)).identity, (text - 'oid')::text, NULL
FROM rare
WHERE oid >= 16384 AND (oid, class) NOT IN (SELECT objid, classid FROM extended)
UNION ALL
SELECT 'default privileges',
  format('%s %s %s', d.defaclrole::regrole, n.nspname, d.defaclobjtype), d.defaclacl::text, NULL
FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
UNION ALL
-- As the session began, whatever was set since.
SELECT 'setting', name, reset_val, NULL FROM pg_settings
WHERE category ~ '^(Client Connection Defaults|Version and Platform Compatibility)'
UNION ALL
SELECT 'database', '', (to_jsonb(d) - ARRAY[
  'oid', 'datname', 'datdba', 'datacl', 'dattablespace', 'datfrozenxid', 'datminmxid',
  'datallowconn', 'datistemplate', 'datconnlimit', 'datlastsysoid'
])::text, NULL
FROM pg_database d WHERE datname = current_database()
UNION ALL
SELECT 'server', 'version', version(), NULL
UNION ALL
SELECT 'role', rolname::text, pg_has_role(oid, 'USAGE')::text, NULL FROM pg_roles
-- Of other runs' roles on the same server there is no word.
WHERE rolname = current_user OR rolname !~ '^(pg_|schema_guard_)'
UNION ALL
SELECT 'tablespace', spcname::text, NULL, NULL FROM pg_tablespace
UNION ALL
SELECT 'available', name::text, version, NULL FROM pg_available_extension_versions
ORDER BY 1, 2, 3
