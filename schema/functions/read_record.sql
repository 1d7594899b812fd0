-- What one of the caller's own messages was decided on, with the decision as it was answered: for a replay (G9). Nobody else may read
-- it: it holds what else its sender had sent (G5). No row: not a member (as in enter_thread), or no such message of the caller's.
CREATE OR REPLACE FUNCTION read_record(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_mid uuid)
RETURNS TABLE (question bytea, decision bytea, promise bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread) e);
BEGIN
  RETURN QUERY
  SELECT m.question, m.decision, m.promise FROM message m
   WHERE m.practice_id = p_practice AND m.account_id = me AND m.mid = p_mid AND m.thread_id = p_thread;
END $$;
