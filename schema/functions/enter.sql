-- Who is asking: the live session behind a token, in this practice and in one of these roles.
-- Sets the practice for row level security, so every command and read of a logged-in person begins here.
--   p_token  SHA-256 of the bearer token
-- One row. ET401: no such session, or it has ended, or its device is revoked. ET403: the role does not suffice, or the token
-- is that of a device that waits to be linked (tep.md §5.11): good for nothing here.
CREATE OR REPLACE FUNCTION enter(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
                                 OUT account_id uuid, OUT device_id uuid, OUT roles text[])
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  SELECT s.account_id, s.device_id, a.roles INTO account_id, device_id, roles
    FROM session s
    JOIN account a ON a.practice_id = p_practice AND a.account_id = s.account_id
    JOIN device d ON d.practice_id = p_practice AND d.device_id = s.device_id
   WHERE s.practice_id = p_practice AND s.token_hash = p_token AND s.expires_at > p_now AND d.revoked_at IS NULL;
  IF account_id IS NULL THEN
    IF EXISTS (SELECT FROM device_request r WHERE r.practice_id = p_practice AND r.token_hash = p_token
                                               AND r.expires_at > p_now AND r.ended IS NULL) THEN
      RAISE EXCEPTION 'pending_device' USING ERRCODE = 'ET403';
    END IF;
    RAISE EXCEPTION 'no_session' USING ERRCODE = 'ET401';
  END IF;
  IF NOT roles && p_roles THEN
    RAISE EXCEPTION 'wrong_role' USING ERRCODE = 'ET403';
  END IF;
END $$;
