-- The way down of add_user_analysis_preferences.sql: drops the four preferences from public."user",
-- and with them what users have chosen. All or nothing, may be run again, and takes no lock on the
-- table when nothing is left to do.

BEGIN ISOLATION LEVEL READ COMMITTED;

SET LOCAL lock_timeout = '60s';
-- The lock of the way up: neither runs while the other does.
SELECT pg_advisory_xact_lock(hashtextextended('add_user_analysis_preferences', 0));
SET LOCAL lock_timeout = '2s';

DO $migrate$
DECLARE
    users CONSTANT regclass := to_regclass('public."user"');
    wanted record;
    found_type text;
BEGIN
    IF users IS NULL THEN
        RAISE EXCEPTION 'public."user": no such table'
            USING ERRCODE = 'undefined_table', HINT = 'Is this the right database?';
    END IF;

    FOR wanted IN
        SELECT * FROM (VALUES
            ('clear_previous_anomalies', 'boolean'),
            ('show_clear_warning',       'boolean'),
            ('max_reports',              'integer'),
            ('max_templates',            'integer')
        ) AS preference (name, type)
    LOOP
        SELECT format_type(a.atttypid, a.atttypmod)
          INTO found_type
          FROM pg_catalog.pg_attribute AS a
         WHERE a.attrelid = users AND a.attname = wanted.name AND NOT a.attisdropped;

        IF NOT FOUND THEN
            RAISE NOTICE 'public.user.%: already gone', wanted.name;
        ELSIF found_type <> wanted.type THEN
            -- The way up makes no such column: what it holds is not ours to drop.
            RAISE EXCEPTION 'public.user.%: is there as %, and should be %',
                wanted.name, found_type, wanted.type
                USING ERRCODE = 'datatype_mismatch',
                      HINT = 'Rename or drop the column, then run this migration again.';
        ELSE
            EXECUTE format('ALTER TABLE public."user" DROP COLUMN %I', wanted.name);
            RAISE NOTICE 'public.user.%: dropped', wanted.name;
        END IF;
    END LOOP;
END
$migrate$;

DO $verify$
DECLARE
    remaining text;
BEGIN
    SELECT string_agg(a.attname, ', ' ORDER BY a.attname)
      INTO remaining
      FROM pg_catalog.pg_attribute AS a
     WHERE a.attrelid = 'public."user"'::regclass
       AND NOT a.attisdropped
       AND a.attname IN ('clear_previous_anomalies', 'show_clear_warning',
                         'max_reports', 'max_templates');
    IF remaining IS NOT NULL THEN
        RAISE EXCEPTION 'public.user: still there: %', remaining;
    END IF;
    RAISE NOTICE 'public.user: none of the four preferences is left';
END
$verify$;

COMMIT;
