-- Refuse what waits by a passphrase of this account: it is not the one in force any more.
CREATE OR REPLACE FUNCTION end_pending(p_practice uuid, p_account uuid)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  UPDATE device_request r SET ended = 'refused'
   WHERE r.practice_id = p_practice AND r.account_id = p_account AND r.by_passphrase AND r.ended IS NULL;
END $$;
