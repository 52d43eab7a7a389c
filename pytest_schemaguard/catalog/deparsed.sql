-- PostgreSQL's own text of what holds whole queries, as (kind, oid, text), of the kinds and oids of two
-- arrays. To deparse a query, PostgreSQL locks its relations (ACCESS SHARE) and keeps the locks.
-- https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CATALOG
SELECT wanted.kind, wanted.oid, CASE wanted.kind
  WHEN 'view' THEN pg_get_viewdef(wanted.oid)
  WHEN 'function' THEN pg_get_functiondef(wanted.oid)
  WHEN 'rule' THEN (
    SELECT concat(pg_get_ruledef(r.oid), ' (', r.ev_enabled, ')')
    FROM pg_rewrite r WHERE r.oid = wanted.oid
  )
  WHEN 'policy' THEN (
    SELECT concat(
      CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, ' FOR ', p.polcmd, ' TO ',
      (SELECT string_agg(role::regrole::text, ', ' ORDER BY role::regrole::text COLLATE "C")
       FROM unnest(p.polroles) AS role),
      ' USING (', pg_get_expr(p.polqual, p.polrelid),
      ') WITH CHECK (', pg_get_expr(p.polwithcheck, p.polrelid), ')'
    )
    FROM pg_policy p WHERE p.oid = wanted.oid
  )
END
FROM unnest(%s::text[], %s::oid[]) AS wanted (kind, oid)
