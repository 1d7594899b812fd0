-- How a thread came to be: the invitation and the answer that epoch 0 names, and what its owner is called (A-10).
-- Every device of its members checks them on first sight. ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION read_joining(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid)
RETURNS TABLE (invite bytea, accept bytea, owner_name text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  RETURN QUERY
  SELECT i.invite, i.accept, a.display_name
    FROM invitation i
    JOIN account a ON a.practice_id = p_practice AND a.account_id = i.owner
   WHERE i.practice_id = p_practice AND i.thread_id = p_thread AND i.opens AND i.accept IS NOT NULL;
END $$;
