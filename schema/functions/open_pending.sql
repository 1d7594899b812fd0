-- Somebody knew a passphrase: the request of the new device is now this account's, and its token opens nothing (tep.md §5.11).
--   p_verifier  the one that was checked: a passphrase changed meanwhile opens nothing
-- Outcomes: opened (again for the same device: with the new token); waiting (another device waits already); none (no such request
-- is open, or it is another's).
CREATE OR REPLACE FUNCTION open_pending(
  p_practice uuid, p_now timestamptz, p_lookup uuid, p_account uuid, p_verifier text, p_token bytea,
  OUT outcome text, OUT expires_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  outcome := 'none';
  -- one at a time for each account, so that two never both find that nobody waits
  PERFORM FROM passphrase w
    WHERE w.practice_id = p_practice AND w.account_id = p_account AND w.verifier = p_verifier FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM device_request r
              WHERE r.practice_id = p_practice AND r.account_id = p_account AND r.by_passphrase AND r.expires_at > p_now
                AND r.ended IS NULL AND r.lookup_id <> p_lookup) THEN
    outcome := 'waiting';
    RETURN;
  END IF;
  UPDATE device_request r SET account_id = p_account, by_passphrase = true, token_hash = p_token
   WHERE r.practice_id = p_practice AND r.lookup_id = p_lookup AND r.expires_at > p_now AND r.ended IS NULL
     AND coalesce(r.account_id, p_account) = p_account
  RETURNING r.expires_at INTO expires_at;
  IF FOUND THEN
    outcome := 'opened';
  END IF;
END $$;
