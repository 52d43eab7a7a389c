-- What no model can express, as (kind, name, text): told when two databases are compared.
-- Whose it is, who may use it and its comment are rows of their own; a partition is one row of what
-- else it has otherwise than its parent. Left out: what an extension owns, itself or by its schema;
-- what only a superuser may read (how a subscription connects). Of foreign servers, their tables and
-- users' mappings no option's value is read, nor is that of a setting with a secret's name: passwords
-- are kept there. Rules, policies and functions with a body of SQL have their oid as text:
-- deparsed.sql has their text. PostgreSQL's own objects have oids below 16384, FirstNormalObjectId in
-- its source: where there are many, they are left out at once.
-- https://www.postgresql.org/docs/current/catalogs.html
WITH space AS MATERIALIZED (
  SELECT n.oid, n.nspname, n.nspowner, n.nspacl
  FROM pg_namespace n
  WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e'
    )
), relation AS MATERIALIZED (
  SELECT c.*, n.nspname
  FROM pg_class c JOIN space n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
    )
), odd AS MATERIALIZED (
  -- The few columns with something of their own: found once, for all that is told of them.
  SELECT a.*, a.attstorage <> t.typstorage AS stored_otherwise
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped AND (
    a.attacl IS NOT NULL OR a.attstorage <> t.typstorage OR a.attcompression <> ''
    OR a.attstattarget >= 0 OR a.attoptions IS NOT NULL
  )
), thing (class, oid, kind, name, text, owner, acl, acl_of) AS (
  -- Those with an own oid. `acl_of` is what acldefault() calls it.
  SELECT 'pg_namespace'::regclass, oid, 'schema', ARRAY[nspname]::text[], '', nspowner, nspacl,
    'n'::"char"
  FROM space
  UNION ALL
  SELECT 'pg_class'::regclass, c.oid,
    CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'relation' END,
    ARRAY[c.nspname, c.relname]::text[], NULL,
    -- A sequence that a column owns is its table's owner's.
    CASE WHEN c.relkind <> 'S' OR NOT EXISTS (
      SELECT FROM pg_depend o
      WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.deptype IN ('a', 'i')
    ) THEN c.relowner END,
    c.relacl, CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char"
  FROM relation c
  UNION ALL
  SELECT 'pg_policy'::regclass, p.oid, 'policy', ARRAY[c.nspname, c.relname, p.polname]::text[],
    p.oid::text, NULL, NULL, NULL
  FROM pg_policy p JOIN relation c ON c.oid = p.polrelid
  UNION ALL
  SELECT 'pg_trigger'::regclass, t.oid, 'trigger', ARRAY[c.nspname, c.relname, t.tgname]::text[],
    format('%s (%s)', pg_get_triggerdef(t.oid), t.tgenabled), NULL, NULL, NULL
  FROM pg_trigger t JOIN relation c ON c.oid = t.tgrelid
  WHERE NOT t.tgisinternal
    -- A partition's copy of its parent's is told where it alone is on or off.
    AND NOT EXISTS (
      SELECT FROM pg_trigger whole WHERE whole.oid = t.tgparentid AND whole.tgenabled = t.tgenabled
    )
  UNION ALL
  SELECT 'pg_rewrite'::regclass, r.oid, 'rule', ARRAY[c.nspname, c.relname, r.rulename]::text[],
    r.oid::text, NULL, NULL, NULL
  FROM pg_rewrite r JOIN relation c ON c.oid = r.ev_class
  WHERE r.rulename <> '_RETURN'
  UNION ALL
  SELECT 'pg_proc'::regclass, p.oid, 'function',
    ARRAY[n.nspname, format('%s(%s)', p.proname, oidvectortypes(p.proargtypes))]::text[],
    CASE
      WHEN p.prokind = 'a' THEN (
        SELECT format(
          'AGGREGATE (%s) %s %s %s %s', pg_get_function_arguments(p.oid),
          a.aggtranstype::regtype, a.aggmtranstype::regtype, a.aggsortop::regoperator,
          to_jsonb(a) - ARRAY['aggfnoid', 'aggtranstype', 'aggmtranstype', 'aggsortop']
        )
        FROM pg_aggregate a WHERE a.aggfnoid = p.oid
      )
      WHEN p.prosqlbody IS NOT NULL THEN p.oid::text
      -- '': it was dropped meanwhile.
      ELSE coalesce(pg_get_functiondef(p.oid), '')
    END,
    p.proowner, p.proacl, 'f'
  FROM pg_proc p JOIN space n ON n.oid = p.pronamespace
  -- Here already: their bodies are long.
  WHERE p.oid >= 16384 AND NOT EXISTS (
    SELECT FROM pg_depend e
    WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype IN ('e', 'i')
  )
  UNION ALL
  SELECT 'pg_type'::regclass, t.oid,
    CASE
      WHEN t.typtype = 'e' THEN 'enum'
      WHEN t.typtype = 'd' THEN 'domain'
      WHEN t.typtype = 'c' THEN 'composite-type'
      WHEN t.typtype = 'r' THEN 'range-type'
      ELSE 'base-type'
    END,
    ARRAY[n.nspname, t.typname]::text[],
    CASE
      WHEN t.typtype = 'c' THEN (
        SELECT coalesce(string_agg(concat_ws(' ',
          format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)),
          CASE WHEN a.attcollation <> b.typcollation
            THEN format('COLLATE %s', a.attcollation::regcollation) END,
          format('COMMENT %L', col_description(a.attrelid, a.attnum))
        ), ', ' ORDER BY a.attnum), '')
        FROM pg_attribute a JOIN pg_type b ON b.oid = a.atttypid
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
      )
      WHEN t.typtype = 'r' THEN (
        SELECT format(
          'SUBTYPE %s OPCLASS %I.%I COLLATION %s CANONICAL %s DIFF %s MULTIRANGE %s',
          format_type(r.rngsubtype, NULL), on_.nspname, o.opcname, r.rngcollation::regcollation,
          r.rngcanonical::regproc, r.rngsubdiff::regproc, r.rngmultitypid::regtype
        )
        FROM pg_range r
        JOIN pg_opclass o ON o.oid = r.rngsubopc
        JOIN pg_namespace on_ ON on_.oid = o.opcnamespace
        WHERE r.rngtypid = t.oid
      )
      WHEN t.typtype IN ('b', 'p') THEN format(
        'INPUT %s OUTPUT %s LENGTH %s BY VALUE %s ALIGN %s STORAGE %s CATEGORY %s ELEMENT %s %s',
        t.typinput::regproc, t.typoutput::regproc, t.typlen, t.typbyval, t.typalign, t.typstorage,
        t.typcategory, t.typelem::regtype, t.typdefault
      )
    END,
    t.typowner, t.typacl, 'T'
  FROM pg_type t JOIN space n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.oid >= 16384 AND t.typtype <> 'm' AND t.typcategory <> 'A'
    AND (c.oid IS NULL OR c.relkind = 'c')
  UNION ALL
  SELECT 'pg_constraint'::regclass, k.oid, 'domain-constraint',
    ARRAY[n.nspname, t.typname, k.conname]::text[], NULL, NULL, NULL, NULL
  FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid JOIN space n ON n.oid = t.typnamespace
  UNION ALL
  SELECT 'pg_statistic_ext'::regclass, s.oid, 'statistics', ARRAY[n.nspname, s.stxname]::text[],
    -- NULL since 17, -1 before: the server's own target.
    concat_ws(' TARGET ', pg_get_statisticsobjdef(s.oid), nullif(s.stxstattarget, -1)),
    s.stxowner, NULL, NULL
  FROM pg_statistic_ext s JOIN space n ON n.oid = s.stxnamespace
  UNION ALL
  SELECT 'pg_collation'::regclass, c.oid, 'collation', ARRAY[n.nspname, c.collname]::text[], format(
      '%s %s %s DETERMINISTIC %s', c.collprovider,
      -- Called so since 17, since 15, before.
      coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', c.collcollate),
      CASE WHEN c.collprovider = 'c' THEN c.collctype END, c.collisdeterministic
    ), c.collowner, NULL, NULL
  FROM pg_collation c JOIN space n ON n.oid = c.collnamespace
  WHERE c.oid >= 16384
  UNION ALL
  SELECT 'pg_conversion'::regclass, c.oid, 'conversion', ARRAY[n.nspname, c.conname]::text[],
    format('%s TO %s BY %s DEFAULT %s', pg_encoding_to_char(c.conforencoding),
      pg_encoding_to_char(c.contoencoding), c.conproc::regproc, c.condefault),
    c.conowner, NULL, NULL
  FROM pg_conversion c JOIN space n ON n.oid = c.connamespace
  UNION ALL
  SELECT 'pg_operator'::regclass, o.oid, 'operator',
    ARRAY[n.nspname,
      format('%s(%s,%s)', o.oprname, o.oprleft::regtype, o.oprright::regtype)]::text[],
    format('%s COMMUTATOR %s NEGATOR %s RESTRICT %s JOIN %s HASHES %s MERGES %s',
      o.oprcode::regproc, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprrest::regproc,
      o.oprjoin::regproc, o.oprcanhash, o.oprcanmerge),
    o.oprowner, NULL, NULL
  FROM pg_operator o JOIN space n ON n.oid = o.oprnamespace
  UNION ALL
  SELECT 'pg_opclass'::regclass, o.oid, 'operator-class',
    ARRAY[n.nspname, o.opcname, m.amname]::text[],
    format('FOR %s DEFAULT %s STORAGE %s FAMILY %I', format_type(o.opcintype, NULL),
      o.opcdefault, o.opckeytype::regtype, f.opfname),
    o.opcowner, NULL, NULL
  FROM pg_opclass o JOIN space n ON n.oid = o.opcnamespace
  JOIN pg_am m ON m.oid = o.opcmethod JOIN pg_opfamily f ON f.oid = o.opcfamily
  UNION ALL
  SELECT 'pg_opfamily'::regclass, f.oid, 'operator-family',
    ARRAY[n.nspname, f.opfname, m.amname]::text[],
    concat_ws(', ',
      (SELECT string_agg(
        format('OPERATOR %s %s', o.amopstrategy, o.amopopr::regoperator), ', '
        ORDER BY o.amopstrategy, o.amopopr::regoperator::text COLLATE "C"
      ) FROM pg_amop o WHERE o.amopfamily = f.oid),
      (SELECT string_agg(
        format('FUNCTION %s %s', p.amprocnum, p.amproc::regprocedure), ', '
        ORDER BY p.amprocnum, p.amproc::regprocedure::text COLLATE "C"
      ) FROM pg_amproc p WHERE p.amprocfamily = f.oid)
    ),
    f.opfowner, NULL, NULL
  FROM pg_opfamily f JOIN space n ON n.oid = f.opfnamespace JOIN pg_am m ON m.oid = f.opfmethod
  UNION ALL
  SELECT 'pg_ts_config'::regclass, c.oid, 'text-search-configuration',
    ARRAY[n.nspname, c.cfgname]::text[],
    format('PARSER %I.%I %s', pn.nspname, p.prsname, (
      SELECT string_agg(format('%s %s', m.maptokentype, m.mapdict::regdictionary), ', '
        ORDER BY m.maptokentype, m.mapseqno)
      FROM pg_ts_config_map m WHERE m.mapcfg = c.oid
    )),
    c.cfgowner, NULL, NULL
  FROM pg_ts_config c JOIN space n ON n.oid = c.cfgnamespace
  JOIN pg_ts_parser p ON p.oid = c.cfgparser JOIN pg_namespace pn ON pn.oid = p.prsnamespace
  UNION ALL
  SELECT 'pg_ts_dict'::regclass, d.oid, 'text-search-dictionary',
    ARRAY[n.nspname, d.dictname]::text[],
    format('%I.%I %s', tn.nspname, t.tmplname, d.dictinitoption),
    d.dictowner, NULL, NULL
  FROM pg_ts_dict d JOIN space n ON n.oid = d.dictnamespace
  JOIN pg_ts_template t ON t.oid = d.dicttemplate JOIN pg_namespace tn ON tn.oid = t.tmplnamespace
  UNION ALL
  SELECT 'pg_ts_parser'::regclass, p.oid, 'text-search-parser', ARRAY[n.nspname, p.prsname]::text[],
    format('%s %s %s %s %s', p.prsstart, p.prstoken, p.prsend, p.prsheadline, p.prslextype),
    NULL, NULL, NULL
  FROM pg_ts_parser p JOIN space n ON n.oid = p.prsnamespace
  UNION ALL
  SELECT 'pg_ts_template'::regclass, t.oid, 'text-search-template',
    ARRAY[n.nspname, t.tmplname]::text[], format('%s %s', t.tmplinit, t.tmpllexize),
    NULL, NULL, NULL
  FROM pg_ts_template t JOIN space n ON n.oid = t.tmplnamespace
  UNION ALL
  -- Those without a schema; PostgreSQL's own have small oids.
  SELECT 'pg_cast'::regclass, c.oid, 'cast',
    ARRAY[format_type(c.castsource, NULL), format_type(c.casttarget, NULL)],
    format('%s %s %s', c.castfunc::regprocedure, c.castcontext, c.castmethod), NULL, NULL, NULL
  FROM pg_cast c WHERE c.oid >= 16384
  UNION ALL
  SELECT 'pg_language'::regclass, l.oid, 'language', ARRAY[l.lanname]::text[],
    format('HANDLER %s INLINE %s VALIDATOR %s TRUSTED %s', l.lanplcallfoid::regproc,
      l.laninline::regproc, l.lanvalidator::regproc, l.lanpltrusted),
    l.lanowner, l.lanacl, 'l'
  FROM pg_language l WHERE l.oid >= 16384
  UNION ALL
  SELECT 'pg_am'::regclass, a.oid, 'access-method', ARRAY[a.amname]::text[],
    format('%s %s', a.amtype, a.amhandler), NULL, NULL, NULL
  FROM pg_am a WHERE a.oid >= 16384
  UNION ALL
  SELECT 'pg_foreign_data_wrapper'::regclass, f.oid, 'foreign-data-wrapper',
    ARRAY[f.fdwname]::text[], format(
      'HANDLER %s VALIDATOR %s OPTIONS %s', f.fdwhandler::regproc, f.fdwvalidator::regproc,
      ARRAY(SELECT option_name FROM pg_options_to_table(f.fdwoptions) ORDER BY 1)
    ), f.fdwowner, f.fdwacl, 'F'
  FROM pg_foreign_data_wrapper f
  UNION ALL
  SELECT 'pg_foreign_server'::regclass, s.oid, 'foreign-server', ARRAY[s.srvname]::text[], format(
      '%I TYPE %s VERSION %s OPTIONS %s', f.fdwname, s.srvtype, s.srvversion,
      ARRAY(SELECT option_name FROM pg_options_to_table(s.srvoptions) ORDER BY 1)
    ), s.srvowner, s.srvacl, 'S'
  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw
  UNION ALL
  SELECT 'pg_extension'::regclass, e.oid, 'extension', ARRAY[e.extname]::text[], e.extversion,
    e.extowner, NULL, NULL
  FROM pg_extension e
  UNION ALL
  SELECT 'pg_event_trigger'::regclass, e.oid, 'event-trigger', ARRAY[e.evtname]::text[],
    format('%s %s %s %s', e.evtevent, e.evtfoid::regproc, e.evtenabled, e.evttags),
    e.evtowner, NULL, NULL
  FROM pg_event_trigger e
  UNION ALL
  SELECT 'pg_publication'::regclass, p.oid, 'publication', ARRAY[p.pubname]::text[], format(
      'all %s insert %s update %s delete %s truncate %s root %s schemas (%s) generated %s',
      p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot,
      -- pg_publication_namespace is since 15; what depends on both is a row of it.
      (SELECT string_agg(n.nspname, ', ' ORDER BY n.nspname)
       FROM pg_depend d
       JOIN pg_depend s ON s.classid = d.classid AND s.objid = d.objid
         AND s.refclassid = 'pg_namespace'::regclass
       JOIN pg_namespace n ON n.oid = s.refobjid
       WHERE d.refclassid = 'pg_publication'::regclass AND d.refobjid = p.oid),
      nullif(to_jsonb(p) ->> 'pubgencols', 'n')
    ), p.pubowner, NULL, NULL
  FROM pg_publication p
), own AS MATERIALIZED (
  -- `label` is the name among the owners, grants and comments of all kinds.
  SELECT t.*, CASE
    WHEN kind IN ('schema', 'relation', 'sequence', 'function', 'enum', 'domain')
      OR kind LIKE '%-type' THEN name
    ELSE name || kind
  END AS label
  FROM thing t
  -- 'i': what PostgreSQL itself made with another one, as a range type's functions. A partitioned
  -- table depends so on its own key's columns.
  WHERE NOT EXISTS (
    SELECT FROM pg_depend e
    WHERE e.classid = t.class AND e.objid = t.oid AND e.deptype IN ('e', 'i')
      AND e.refobjid <> t.oid
  )
), granted (name, acl, standard, by_default) AS (
  -- PUBLIC may use functions, types and languages by default: only what is told can be missed.
  SELECT label, coalesce(acl, acldefault(acl_of, owner)), acldefault(acl_of, owner),
    CASE acl_of WHEN 'f' THEN '=X/owner' WHEN 'T' THEN '=U/owner' WHEN 'l' THEN '=U/owner' END
  FROM own
  WHERE acl IS NOT NULL OR acl_of IN ('f', 'T', 'l')
  UNION ALL
  SELECT ARRAY[c.nspname, c.relname, a.attname]::text[], a.attacl, '{}', NULL
  FROM relation c JOIN odd a ON a.attrelid = c.oid
  WHERE a.attacl IS NOT NULL
), grant_texts AS (
  SELECT name, by_default,
    ARRAY(SELECT item::text COLLATE "C" FROM unnest(acl) AS item ORDER BY 1) AS items,
    ARRAY(SELECT item::text COLLATE "C" FROM unnest(standard) AS item ORDER BY 1) AS standard
  FROM granted
)
SELECT kind, name, text FROM (
SELECT kind, name, text FROM own WHERE text IS NOT NULL
UNION ALL
SELECT 'owner', label, owner::regrole::text FROM own WHERE owner IS NOT NULL
UNION ALL
SELECT 'privileges', name, CASE
  WHEN items = standard THEN by_default
  ELSE coalesce(nullif(array_to_string(items, ' '), ''), 'none')
END
FROM grant_texts WHERE by_default IS NOT NULL OR items <> standard
UNION ALL
SELECT 'comment', o.name || o.kind, d.description
FROM own o JOIN pg_description d ON d.classoid = o.class AND d.objoid = o.oid AND d.objsubid = 0
-- A model says its relations' own, an extension's package its own.
WHERE o.kind NOT IN ('relation', 'extension')
UNION ALL
SELECT 'comment', ARRAY[c.nspname, c.relname, x.relname, 'index']::text[], d.description
FROM pg_description d
JOIN pg_class x ON x.oid = d.objoid
JOIN pg_index i ON i.indexrelid = x.oid
JOIN relation c ON c.oid = i.indrelid
WHERE d.classoid = 'pg_class'::regclass
UNION ALL
SELECT 'default-privileges',
  ARRAY[coalesce(n.nspname, ''), d.defaclrole::regrole::text, d.defaclobjtype]::text[],
  coalesce(
    (SELECT string_agg(item::text, ' ' ORDER BY item::text COLLATE "C")
     FROM unnest(d.defaclacl) AS item),
    'none'
  )
FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
UNION ALL
SELECT 'extension-schema', ARRAY[e.extname]::text[], n.nspname::text
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
UNION ALL
SELECT 'partition', ARRAY[c.nspname, c.relname]::text[], concat_ws(' ',
  format('PARTITION OF %s', i.inhparent::regclass), pg_get_expr(c.relpartbound, c.oid),
  CASE WHEN i.inhdetachpending THEN 'DETACH PENDING' END,
  CASE c.relkind WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(c.oid) END,
  CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END,
  (SELECT 'USING ' || m.amname FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap'),
  (SELECT 'TABLESPACE ' || s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
  (
    SELECT format('WITH (%s)', string_agg(option, ', ' ORDER BY option COLLATE "C")) FROM (
      SELECT unnest(c.reloptions) AS option
      UNION ALL
      SELECT 'toast.' || unnest(toast.reloptions) FROM pg_class toast WHERE toast.oid = c.reltoastrelid
    ) AS options
    HAVING count(*) > 0
  ),
  'COMMENT ' || quote_literal(obj_description(c.oid, 'pg_class')),
  (
    SELECT string_agg(concat_ws(' ', format('COLUMN %I', a.attname),
      CASE WHEN d.own IS DISTINCT FROM d.whole
        THEN coalesce('DEFAULT ' || d.own, 'WITHOUT DEFAULT') END,
      CASE WHEN a.attnotnull AND NOT w.attnotnull THEN 'NOT NULL' END,
      'COMMENT ' || quote_literal(d.comment)
    ), ' ' ORDER BY a.attnum)
    FROM pg_attribute a
    JOIN pg_attribute w ON w.attrelid = i.inhparent AND w.attname = a.attname
    CROSS JOIN LATERAL (
      SELECT col_description(a.attrelid, a.attnum) AS comment,
        (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
         WHERE adrelid = a.attrelid AND adnum = a.attnum) AS own,
        (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
         WHERE adrelid = w.attrelid AND adnum = w.attnum) AS whole
      OFFSET 0
    ) AS d
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (
      d.own IS DISTINCT FROM d.whole OR d.comment IS NOT NULL OR a.attnotnull AND NOT w.attnotnull
    )
  ),
  (
    SELECT string_agg(concat_ws(' ',
      format('CONSTRAINT %I', k.conname), pg_get_constraintdef(k.oid),
      'COMMENT ' || quote_literal(obj_description(k.oid, 'pg_constraint'))
    ), ' ' ORDER BY k.conname COLLATE "C")
    FROM pg_constraint k
    WHERE k.conrelid = c.oid AND k.contype IN ('p', 'f', 'u', 'c', 'x')
      AND k.coninhcount = 0
  ),
  (
    SELECT 'DISABLED ' || string_agg(DISTINCT k.conname, ', ')
    FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint
    WHERE t.tgrelid = c.oid AND t.tgisinternal AND t.tgenabled IN ('D', 'R')
  ),
  (
    SELECT string_agg(
      pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid THEN '' ELSE ' INVALID' END,
      ' ' ORDER BY o.relname COLLATE "C"
    )
    FROM pg_index x JOIN pg_class o ON o.oid = x.indexrelid
    WHERE x.indrelid = c.oid AND NOT o.relispartition
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.conrelid = c.oid)
  )
)
FROM relation c JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.relispartition
UNION ALL
SELECT 'row-security', ARRAY[nspname, relname]::text[], concat_ws(' ',
  CASE WHEN relrowsecurity THEN 'ENABLE' END, CASE WHEN relforcerowsecurity THEN 'FORCE' END)
FROM relation WHERE relrowsecurity OR relforcerowsecurity
UNION ALL
SELECT 'of-type', ARRAY[nspname, relname]::text[], reloftype::regtype::text
FROM relation WHERE reloftype <> 0
UNION ALL
SELECT 'unpopulated', ARRAY[nspname, relname]::text[], 'WITH NO DATA'
FROM relation WHERE relkind = 'm' AND NOT relispopulated
UNION ALL
SELECT 'replica-identity', ARRAY[c.nspname, c.relname]::text[],
  concat_ws(' ', c.relreplident, CASE c.relreplident WHEN 'i' THEN (
    SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indrelid = c.oid AND i.indisreplident
  ) END)
FROM relation c WHERE c.relkind IN ('r', 'p') AND c.relreplident <> 'd'
UNION ALL
SELECT 'clustered', ARRAY[c.nspname, c.relname]::text[], x.relname::text
FROM pg_index i JOIN relation c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
WHERE i.indisclustered
UNION ALL
SELECT 'foreign-table', ARRAY[c.nspname, c.relname]::text[], format(
  'SERVER %I OPTIONS %s', s.srvname,
  ARRAY(SELECT option_name FROM pg_options_to_table(f.ftoptions) ORDER BY 1)
)
FROM pg_foreign_table f JOIN relation c ON c.oid = f.ftrelid
JOIN pg_foreign_server s ON s.oid = f.ftserver
UNION ALL
SELECT 'user-mapping', ARRAY[srvname, usename]::text[], ''
FROM pg_user_mappings
UNION ALL
SELECT 'column-storage', ARRAY[c.nspname, c.relname, a.attname]::text[], concat_ws(' ',
  CASE WHEN a.stored_otherwise THEN format('STORAGE %s', a.attstorage) END,
  CASE WHEN a.attcompression <> '' THEN format('COMPRESSION %s', a.attcompression) END,
  CASE WHEN a.attstattarget >= 0 THEN format('STATISTICS %s', a.attstattarget) END,
  array_to_string(a.attoptions, ', ')
)
FROM relation c JOIN odd a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND (
  a.stored_otherwise OR a.attcompression <> '' OR a.attstattarget >= 0
  OR a.attoptions IS NOT NULL
)
UNION ALL
-- NOT NULL is a constraint of its own since 18.
SELECT 'not-null', ARRAY[c.nspname, c.relname, k.conname]::text[], pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN relation c ON c.oid = k.conrelid
WHERE k.contype = 'n' AND k.connoinherit
UNION ALL
SELECT 'publication-table', ARRAY[c.nspname, c.relname, p.pubname]::text[], (
  -- Row filters and lists of columns are since 15: before, these names are those of `absent`.
  SELECT concat_ws(' ',
    (SELECT format('(%s)', string_agg(a.attname, ', ' ORDER BY a.attnum)) FROM pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum = ANY (prattrs) HAVING count(*) > 0),
    'WHERE ' || pg_get_expr(prqual, c.oid)
  )
  FROM pg_publication_rel r WHERE r.oid = listed.oid
)
FROM pg_publication_rel listed
CROSS JOIN (SELECT NULL::int2vector AS prattrs, NULL::pg_node_tree AS prqual) AS absent
JOIN pg_publication p ON p.oid = listed.prpubid
JOIN relation c ON c.oid = listed.prrelid
UNION ALL
SELECT 'subscription', ARRAY[subname]::text[],
  format('ENABLED %s SLOT %s TO %s', subenabled, subslotname, subpublications)
FROM pg_subscription
WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
UNION ALL
SELECT 'setting',
  ARRAY[coalesce(nullif(s.setrole, 0)::regrole::text, ''), split_part(item, '=', 1)],
  CASE WHEN split_part(item, '=', 1) ~* '\..*(pass|secret|token|key|credential|jwt)'
    THEN '(not read)' ELSE substr(item, strpos(item, '=') + 1) END
FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) AS item
WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS told
ORDER BY kind COLLATE "C", name COLLATE "C"
