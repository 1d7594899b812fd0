-- Give people of the practice something to do by a time. Arrays run in parallel; an id that is there already changes nothing.
--   p_threads  NULL in it: it is about no single thread      p_subjects  codes such as a date or a country; never content
CREATE OR REPLACE FUNCTION add_tasks(p_practice uuid, p_now timestamptz, p_ids uuid[], p_accounts uuid[], p_threads uuid[],
                                     p_kinds text[], p_subjects text[], p_dues timestamptz[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  INSERT INTO task (practice_id, task_id, account_id, thread_id, kind, subject, due_at, created_at)
  SELECT p_practice, t.id, t.account_id, t.thread_id, t.kind, t.subject, t.due_at, p_now
    FROM unnest(p_ids, p_accounts, p_threads, p_kinds, p_subjects, p_dues) AS t (id, account_id, thread_id, kind, subject, due_at)
  ON CONFLICT DO NOTHING;
END $$;
