-- Rows as production has them before the migration. The passwords:
--   ada@example.com    correct horse battery staple
--   grace@example.com  first compiler 1952
--   old@example.com    difference engine no. 2 (no longer active)

INSERT INTO public."user" (email, hashed_password, full_name, is_active, created_at, last_login_at)
VALUES
    ('ada@example.com',
     'scrypt$4096$8$1$MkFxAFmvZvf2jrF9fD2Jxg==$qEZ8NGgLE5x3Hd/CtuGqAN+u48cuXSJBtaDfCLd8Mga7HRKBkXsXOPLKg9qk9K/rHxq/7TT+BGjquijs9GXKTg==',
     'Ada Lovelace', true, '2024-02-29 08:15:00+00', '2025-06-01 07:58:12+00'),
    ('grace@example.com',
     'scrypt$4096$8$1$luVd3H0AW0gT4Gbe+Kumlg==$t226yHuRtPwj9OqA1B4H09KUnCtMuvoT8UwvQ1goNG204W4u39Y4OjH1EpBGqDuKf+OytbJQjDIUmeWSK4eCwQ==',
     'Grace Hopper', true, '2024-05-17 13:40:00+00', NULL),
    ('old@example.com',
     'scrypt$4096$8$1$OPy72hdG5jZP6ISRas+VDw==$3HrdGeYx8RYkfL2k/xZBLMeI+ifbOQ5iwQy4KulG6khQIQTTPxpuitriy7rOGTFSn+4QFmcPwpgrx0u2D8NsNA==',
     NULL, false, '2022-11-03 20:02:30+00', '2023-01-09 11:11:11+00');

INSERT INTO public.analysis (user_id, title, status, row_count, created_at, finished_at)
SELECT u.id, a.title, a.status::public.analysis_status, a.row_count, a.created_at, a.finished_at
  FROM (VALUES
      ('ada@example.com', 'Boiler pressure, May', 'done', 44640,
       '2025-05-31 22:00:00+00'::timestamptz, '2025-05-31 22:03:41+00'::timestamptz),
      ('ada@example.com', 'Boiler pressure, June', 'running', 12960,
       '2025-06-09 22:00:00+00', NULL),
      ('grace@example.com', 'Relay timings, Mark II', 'failed', 0,
       '2025-04-02 09:30:00+00', '2025-04-02 09:30:02+00'),
      ('old@example.com', 'Würfe & "Zeichen" \ 100 %', 'queued', 6,
       '2022-12-24 18:00:00+00', NULL)
  ) AS a (email, title, status, row_count, created_at, finished_at)
  JOIN public."user" AS u USING (email)
 ORDER BY a.created_at;

INSERT INTO public.report (analysis_id, title, body, created_at)
SELECT a.id, r.title, r.body, r.created_at
  FROM (VALUES
      ('Boiler pressure, May', 'Summary',
       E'3 anomalies in 44640 rows.\n\nThe largest: 11.2 bar at 2025-05-17 04:12.',
       '2025-05-31 22:03:40+00'::timestamptz),
      ('Boiler pressure, May', 'For the workshop',
       'Valve 7 opens late; see the Summary.', '2025-06-02 08:00:00+00')
  ) AS r (analysis, title, body, created_at)
  JOIN public.analysis AS a ON a.title = r.analysis;
