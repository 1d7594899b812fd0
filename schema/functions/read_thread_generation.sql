-- The newest generation mark of a thread and its position. No row: the thread was never restored. ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION read_thread_generation(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid)
RETURNS TABLE (n bigint, mark bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  RETURN QUERY
  SELECT g.n, g.mark FROM generation_mark g WHERE g.practice_id = p_practice AND g.thread_id = p_thread ORDER BY g.n DESC LIMIT 1;
END $$;
