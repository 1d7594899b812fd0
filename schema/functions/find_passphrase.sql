-- What a passphrase is checked by, under a folded name. No row: nobody here has this name, which is never told (AT-65).
CREATE OR REPLACE FUNCTION find_passphrase(p_practice uuid, p_name text)
RETURNS TABLE (account_id uuid, salt bytea, verifier text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY SELECT w.account_id, w.salt, w.verifier FROM passphrase w WHERE w.practice_id = p_practice AND w.name = p_name;
END $$;
