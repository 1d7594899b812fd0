-- The signed state of a log for a logged-in reader. No row: the practice has no such log.
CREATE OR REPLACE FUNCTION read_log(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_log integer)
RETURNS TABLE (size bigint, root bytea, checkpoint bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY SELECT l.size, l.root, l.checkpoint FROM log l WHERE l.practice_id = p_practice AND l.log = p_log;
END $$;
