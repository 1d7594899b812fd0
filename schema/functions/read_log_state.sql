-- The state of a log for the server's own use: the sequencer, and answers to people who are only just joining.
CREATE OR REPLACE FUNCTION read_log_state(p_practice uuid, p_log integer)
RETURNS TABLE (size bigint, root bytea, checkpoint bytea, day_written date, waiting boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT l.size, l.root, l.checkpoint, l.day_written,
         EXISTS (SELECT FROM log_leaf f WHERE f.practice_id = p_practice AND f.log = p_log AND f.index IS NULL)
    FROM log l WHERE l.practice_id = p_practice AND l.log = p_log;
END $$;
