-- All open tasks of the practice with whose they are, in the order in which they are due, for those who audit (clinic.md 4.1). No content.
-- First row: task_id NULL, with the accounts to wake; what is due of alerts is sent before.
CREATE OR REPLACE FUNCTION read_open_tasks(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS TABLE (told uuid[], task_id uuid, display_name text, thread_id uuid, kind text, subject text, due_at timestamptz, created_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY
  SELECT fire_alerts(p_practice, p_now), NULL::uuid, NULL::text, NULL::uuid, NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz;
  RETURN QUERY
  SELECT NULL::uuid[], k.task_id, a.display_name, k.thread_id, k.kind, k.subject, k.due_at, k.created_at
    FROM task k JOIN account a ON a.practice_id = p_practice AND a.account_id = k.account_id
   WHERE k.practice_id = p_practice AND k.closed_at IS NULL
   ORDER BY k.due_at, k.created_at, k.task_id LIMIT 500;
END $$;
