-- Log out: the token is worth nothing from this commit on (G16). Its challenge stays spent: the row lives on, expired.
CREATE OR REPLACE FUNCTION close_session(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  UPDATE session s SET expires_at = p_now WHERE s.practice_id = p_practice AND s.token_hash = p_token;
END $$;
