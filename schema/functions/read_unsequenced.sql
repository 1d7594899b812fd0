-- Leaves that have no place in a log yet, oldest first.
CREATE OR REPLACE FUNCTION read_unsequenced(p_practice uuid, p_log integer, p_limit integer)
RETURNS TABLE (leaf_id uuid, data bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT f.leaf_id, f.data FROM log_leaf f
   WHERE f.practice_id = p_practice AND f.log = p_log AND f.index IS NULL ORDER BY f.recorded_at, f.leaf_id LIMIT p_limit;
END $$;
