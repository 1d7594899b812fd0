-- The caller's open tasks, in the order in which they are due. What is due of alerts is sent before: a task may follow from it.
-- First row: the accounts to wake. Second: the turns that wait for an answer in the caller's own threads; placed ones, never held.
CREATE OR REPLACE FUNCTION read_tasks(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS TABLE (told uuid[], turns uuid[], turn_replies timestamptz[], task_id uuid, thread_id uuid, kind text, subject text,
               due_at timestamptz, created_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  RETURN QUERY
  SELECT fire_alerts(p_practice, p_now) || release_due(p_practice, me, p_now), NULL::uuid[], NULL::timestamptz[],
         NULL::uuid, NULL::uuid, NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz;
  RETURN QUERY
  SELECT NULL::uuid[], array_agg(t.thread_id ORDER BY t.open_reply_by, t.thread_id), array_agg(t.open_reply_by ORDER BY t.open_reply_by, t.thread_id),
         NULL::uuid, NULL::uuid, NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz
    FROM thread t
   WHERE t.practice_id = p_practice AND t.owner = me AND t.open_count > 0 AND t.open_reply_by IS NOT NULL;
  RETURN QUERY
  SELECT NULL::uuid[], NULL::uuid[], NULL::timestamptz[], k.task_id, k.thread_id, k.kind, k.subject, k.due_at, k.created_at
    FROM task k
   WHERE k.practice_id = p_practice AND k.account_id = me AND k.closed_at IS NULL
   ORDER BY k.due_at, k.created_at, k.task_id LIMIT 500;
END $$;
