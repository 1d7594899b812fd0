-- Rule sheet p_r of a thread (0: the newest), with the caller's own part. ET404: no such thread or sheet, or not a member.
CREATE OR REPLACE FUNCTION read_sheet(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_r integer)
RETURNS TABLE (r integer, sheet bytea, shared bytea, salt bytea, part bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  RETURN QUERY
  SELECT s.r, s.sheet, s.shared, o.salt, o.part
    FROM member m
    JOIN rule_sheet s ON s.practice_id = p_practice AND s.thread_id = m.thread_id
    JOIN rule_sheet_part o ON o.practice_id = p_practice AND o.thread_id = m.thread_id AND o.r = s.r AND o.account_id = me
   WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = me AND (s.r = p_r OR p_r = 0)
   ORDER BY s.r DESC LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no_such_thread' USING ERRCODE = 'ET404';
  END IF;
END $$;
