-- What one day's audit leaf has to hold (A-6).
CREATE OR REPLACE FUNCTION read_day(p_practice uuid, p_day date)
RETURNS TABLE (record_id uuid, salt bytea, record bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY SELECT d.record_id, d.salt, d.record FROM day_record d WHERE d.practice_id = p_practice AND d.day = p_day;
END $$;
