-- Write the audit leaf of a day that is over, also when nothing happened on it. False: it is written already.
CREATE OR REPLACE FUNCTION write_day(p_practice uuid, p_day date, p_leaf_id uuid, p_data bytea, p_now timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  UPDATE log l SET day_written = p_day WHERE l.practice_id = p_practice AND l.log = 2 AND l.day_written < p_day;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO log_leaf (practice_id, log, leaf_id, data, recorded_at) VALUES (p_practice, 2, p_leaf_id, p_data, p_now);
  RETURN true;
END $$;
