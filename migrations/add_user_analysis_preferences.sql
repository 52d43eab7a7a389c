-- Four preferences for analyses on public."user":
--
--   clear_previous_anomalies  boolean  NOT NULL DEFAULT true
--   show_clear_warning        boolean  NOT NULL DEFAULT true
--   max_reports               integer  NOT NULL DEFAULT 5
--   max_templates             integer  NOT NULL DEFAULT 5
--
-- All or nothing: one transaction, checked at its end. It may be run again at any time, and by
-- several deployers at once; when nothing is left to do it takes no lock on the table.
-- A new column is a change of the catalog alone (constant defaults, PostgreSQL 11 and newer): it
-- needs ACCESS EXCLUSIVE for milliseconds and gives up after two seconds of waiting for it. Then,
-- as after any error, nothing has changed: run it again.
-- Way down: add_user_analysis_preferences.down.sql

-- READ COMMITTED, so that what is read after the wait for the advisory lock is what is there then.
BEGIN ISOLATION LEVEL READ COMMITTED;

-- Another deployer is given a minute to finish; after that only the table can be waited for.
SET LOCAL lock_timeout = '60s';
SELECT pg_advisory_xact_lock(hashtextextended('add_user_analysis_preferences', 0));
SET LOCAL lock_timeout = '2s';

DO $migrate$
DECLARE
    users CONSTANT regclass := to_regclass('public."user"');
    wanted record;
    existing record;
    filled bigint;
BEGIN
    IF users IS NULL THEN
        RAISE EXCEPTION 'public."user": no such table'
            USING ERRCODE = 'undefined_table', HINT = 'Is this the right database?';
    END IF;

    FOR wanted IN
        SELECT * FROM (VALUES
            ('clear_previous_anomalies', 'boolean', 'true'),
            ('show_clear_warning',       'boolean', 'true'),
            ('max_reports',              'integer', '5'),
            ('max_templates',            'integer', '5')
        ) AS preference (name, type, value)
    LOOP
        SELECT format_type(a.atttypid, a.atttypmod) AS type,
               a.attnotnull AS not_null,
               pg_get_expr(d.adbin, d.adrelid) AS value,
               a.attgenerated <> '' OR a.attidentity <> '' AS computed
          INTO existing
          FROM pg_catalog.pg_attribute AS a
          LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = users AND a.attname = wanted.name AND NOT a.attisdropped;

        IF NOT FOUND THEN
            EXECUTE format('ALTER TABLE public."user" ADD COLUMN %I %s NOT NULL DEFAULT %s',
                           wanted.name, wanted.type, wanted.value);
            RAISE NOTICE 'public.user.%: added (% NOT NULL DEFAULT %)',
                wanted.name, wanted.type, wanted.value;
            CONTINUE;
        END IF;

        -- What this column holds cannot be known: to convert it may lose values.
        IF existing.type <> wanted.type OR existing.computed THEN
            RAISE EXCEPTION 'public.user.%: is there as %, and should be % NOT NULL DEFAULT %',
                wanted.name,
                existing.type || CASE WHEN existing.computed THEN ', generated or identity' ELSE '' END,
                wanted.type, wanted.value
                USING ERRCODE = 'datatype_mismatch',
                      HINT = 'Convert, rename or drop the column, then run this migration again.';
        END IF;

        IF existing.value IS DISTINCT FROM wanted.value THEN
            EXECUTE format('ALTER TABLE public."user" ALTER COLUMN %I SET DEFAULT %s',
                           wanted.name, wanted.value);
            RAISE NOTICE 'public.user.%: default was %, is %',
                wanted.name, coalesce(existing.value, 'missing'), wanted.value;
        END IF;

        IF NOT existing.not_null THEN
            -- The lock first: no NULL can come in between the UPDATE and SET NOT NULL.
            LOCK TABLE public."user" IN ACCESS EXCLUSIVE MODE;
            EXECUTE format('UPDATE public."user" SET %1$I = %2$s WHERE %1$I IS NULL',
                           wanted.name, wanted.value);
            GET DIAGNOSTICS filled = ROW_COUNT;
            EXECUTE format('ALTER TABLE public."user" ALTER COLUMN %I SET NOT NULL', wanted.name);
            RAISE NOTICE 'public.user.%: NOT NULL set, % rows had NULL', wanted.name, filled;
        END IF;

        IF existing.not_null AND existing.value = wanted.value THEN
            RAISE NOTICE 'public.user.%: already there', wanted.name;
        END IF;
    END LOOP;
END
$migrate$;

DO $verify$
DECLARE
    expected CONSTANT text[] := ARRAY[
        'clear_previous_anomalies boolean NOT NULL DEFAULT true',
        'max_reports integer NOT NULL DEFAULT 5',
        'max_templates integer NOT NULL DEFAULT 5',
        'show_clear_warning boolean NOT NULL DEFAULT true'
    ];
    actual text[];
BEGIN
    SELECT array_agg(
               format('%s %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                      CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
                      ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid))
               ORDER BY a.attname)
      INTO actual
      FROM pg_catalog.pg_attribute AS a
      LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = 'public."user"'::regclass
       AND NOT a.attisdropped
       AND a.attgenerated = '' AND a.attidentity = ''
       AND a.attname IN ('clear_previous_anomalies', 'show_clear_warning',
                         'max_reports', 'max_templates');
    IF actual IS DISTINCT FROM expected THEN
        RAISE EXCEPTION 'public.user: the four preferences are not as they should be'
            USING DETAIL = format('expected %s, found %s', expected, actual);
    END IF;
    RAISE NOTICE 'public.user: all four preferences are as they should be';
END
$verify$;

COMMIT;
