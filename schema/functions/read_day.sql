-- What one day's audit leaf has to hold (A-6), in the order of record ids.
CREATE OR REPLACE FUNCTION read_day(p_practice uuid, p_day date)
RETURNS TABLE (salt bytea, record bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY SELECT d.salt, d.record FROM day_record d WHERE d.practice_id = p_practice AND d.day = p_day ORDER BY d.record_id;
END $$;
