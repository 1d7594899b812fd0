-- Leaf data of a log from index p_from on: every member may scan the keys log for its own account (tep.md §5.13).
CREATE OR REPLACE FUNCTION read_leaves(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_log integer, p_from bigint, p_limit integer)
RETURNS TABLE (index bigint, data bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY
  SELECT f.index, f.data FROM log_leaf f
   WHERE f.practice_id = p_practice AND f.log = p_log AND f.index >= p_from ORDER BY f.index LIMIT p_limit;
END $$;
