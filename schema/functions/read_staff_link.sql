-- A staff link that can still be used. No row: unknown, used or expired.
CREATE OR REPLACE FUNCTION read_staff_link(p_practice uuid, p_lookup uuid, p_now timestamptz)
RETURNS TABLE (staff_pk bytea, roles text[], display_name text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT s.staff_pk, s.roles, s.display_name FROM staff_link s
   WHERE s.practice_id = p_practice AND s.lookup_id = p_lookup AND s.used_at IS NULL AND s.expires_at > p_now;
END $$;
