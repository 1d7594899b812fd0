-- The caller has done one of their tasks; the code says how. A repetition changes nothing. known false: the caller has no such task.
--   p_leaf, p_salt  of the audit leaf that says so
CREATE OR REPLACE FUNCTION close_task(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_task uuid, p_code text,
                                      p_leaf uuid, p_salt bytea, OUT known boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  done task;
BEGIN
  known := EXISTS (SELECT FROM task k WHERE k.practice_id = p_practice AND k.task_id = p_task AND k.account_id = me);
  UPDATE task k SET closed_at = p_now, closing = p_code
   WHERE k.practice_id = p_practice AND k.task_id = p_task AND k.account_id = me AND k.closed_at IS NULL
  RETURNING k.* INTO done;
  IF done.task_id IS NOT NULL THEN
    PERFORM note(p_practice, p_leaf, p_salt, convert_to(jsonb_strip_nulls(jsonb_build_object(
      'act', 'task.closed', 'kind', done.kind, 'account', encode(uuid_send(me), 'hex'), 'thread', encode(uuid_send(done.thread_id), 'hex'),
      'subject', done.subject, 'due_at', done.due_at, 'closed_at', p_now, 'code', p_code))::text, 'UTF8'), p_now);
  END IF;
END $$;
