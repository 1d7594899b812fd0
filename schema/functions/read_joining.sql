-- How a thread came to be: the invitation and the answer that epoch 0 names, and what its owner is called (A-10).
-- Every device of its members checks them on first sight. ET404: no such thread, or not a member.
CREATE OR REPLACE FUNCTION read_joining(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid)
RETURNS TABLE (invite bytea, accept bytea, owner_name text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  RETURN QUERY
  SELECT i.invite, i.accept, a.display_name
    FROM member m
    JOIN invitation i ON i.practice_id = p_practice AND i.thread_id = m.thread_id AND i.accept IS NOT NULL
    JOIN account a ON a.practice_id = p_practice AND a.account_id = i.owner
   WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = me;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no_such_thread' USING ERRCODE = 'ET404';
  END IF;
END $$;
