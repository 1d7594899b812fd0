-- Audit records in the order of the log, from index p_start on: decisions of released messages, changes, administrative acts. No content anywhere.
CREATE OR REPLACE FUNCTION read_decisions(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_start bigint, p_limit integer)
RETURNS TABLE (index bigint, salt bytea, record bytea, recorded_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY
  SELECT f.index, f.salt, f.record, f.recorded_at FROM log_leaf f
   WHERE f.practice_id = p_practice AND f.log = 2 AND f.index >= p_start ORDER BY f.index LIMIT p_limit;
END $$;
