-- Keep a new login, drop what has long expired. False: this challenge was answered before.
CREATE OR REPLACE FUNCTION open_session(p_practice uuid, p_now timestamptz, p_device uuid, p_nonce bytea, p_token bytea, p_expires_at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  -- a challenge is good for a minute: an hour after its session ended its nonce need not be remembered
  DELETE FROM session s WHERE s.practice_id = p_practice AND s.expires_at < p_now - interval '1 hour';
  INSERT INTO session (practice_id, token_hash, account_id, device_id, nonce, expires_at)
  SELECT p_practice, p_token, d.account_id, d.device_id, p_nonce, p_expires_at
    FROM device d WHERE d.practice_id = p_practice AND d.device_id = p_device AND d.revoked_at IS NULL
  ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;
