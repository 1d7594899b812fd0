-- Write the audit leaf of a day that is over, also when nothing happened on it. False: it is written already.
--   p_record_id, p_salt, p_record  the day's own record, which is in every leaf: without it the leaf of an empty day would be
--   one anybody can compute, and a full one would show that something was recalled
CREATE OR REPLACE FUNCTION write_day(p_practice uuid, p_day date, p_leaf_id uuid, p_data bytea, p_now timestamptz,
                                     p_record_id uuid, p_salt bytea, p_record bytea)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  UPDATE log l SET day_written = p_day WHERE l.practice_id = p_practice AND l.log = 2 AND l.day_written < p_day;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO day_record (practice_id, day, record_id, salt, record) VALUES (p_practice, p_day, p_record_id, p_salt, p_record);
  INSERT INTO log_leaf (practice_id, log, leaf_id, data, recorded_at) VALUES (p_practice, 2, p_leaf_id, p_data, p_now);
  RETURN true;
END $$;
