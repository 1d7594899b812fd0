-- The device that wants to log in. No row: none of this id in this practice, or revoked; answered alike (G15), but to the device's own key (read_ending).
CREATE OR REPLACE FUNCTION find_device(p_practice uuid, p_device uuid)
RETURNS TABLE (account_id uuid, sign_pk bytea, class smallint, roles text[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT d.account_id, d.sign_pk, d.class, a.roles
    FROM device d JOIN account a ON a.practice_id = p_practice AND a.account_id = d.account_id
   WHERE d.practice_id = p_practice AND d.device_id = p_device AND d.revoked_at IS NULL;
END $$;
