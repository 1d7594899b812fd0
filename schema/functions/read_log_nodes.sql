-- Tree nodes at the given coordinates (levels and indexes in parallel), in that order; a proof needs a handful.
CREATE OR REPLACE FUNCTION read_log_nodes(p_practice uuid, p_log integer, p_levels integer[], p_indexes bigint[])
RETURNS TABLE (level integer, index bigint, hash bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT c.level, c.index, x.hash
    FROM unnest(p_levels, p_indexes) WITH ORDINALITY AS c (level, index, nr)
    -- LIMIT keeps the planner from reading the whole log to join a handful of its nodes
    CROSS JOIN LATERAL (SELECT n.hash FROM log_node n
                         WHERE n.practice_id = p_practice AND n.log = p_log AND n.level = c.level AND n.index = c.index LIMIT 1) x
   ORDER BY c.nr;
END $$;
