-- How a device was taken out, for the device itself: its person's links up to the one that did it, and the key under which
-- whoever asks must have signed. Nobody else learns from a login whether a device was ever there (G15).
-- No row: none of this id in this practice, or it is active.
CREATE OR REPLACE FUNCTION read_ending(p_practice uuid, p_device uuid)
RETURNS TABLE (sign_pk bytea, links bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT d.sign_pk, (SELECT array_agg(c.link ORDER BY c.seq) FROM chain_link c
                      WHERE c.practice_id = p_practice AND c.account_id = d.account_id AND c.recorded_at <= d.revoked_at)
    FROM device d
   WHERE d.practice_id = p_practice AND d.device_id = p_device AND d.revoked_at IS NOT NULL;
END $$;
