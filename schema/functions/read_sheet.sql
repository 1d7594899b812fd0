-- Rule sheet p_r of a thread (0: the newest), with the caller's own part. ET404 as in enter_thread, and for a sheet that there
-- is not, or that was made before the caller came.
CREATE OR REPLACE FUNCTION read_sheet(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_r integer)
RETURNS TABLE (r integer, sheet bytea, shared bytea, salt bytea, part bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread) e);
BEGIN
  RETURN QUERY
  SELECT s.r, s.sheet, s.shared, o.salt, o.part
    FROM rule_sheet s
    JOIN rule_sheet_part o ON o.practice_id = p_practice AND o.thread_id = p_thread AND o.r = s.r AND o.account_id = me
   WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND (s.r = p_r OR p_r = 0)
   ORDER BY s.r DESC LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no_such_thread' USING ERRCODE = 'ET404';
  END IF;
END $$;
