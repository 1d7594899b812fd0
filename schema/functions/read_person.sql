-- Who the caller is here, and the practice it is in.
CREATE OR REPLACE FUNCTION read_person(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS TABLE (account_id uuid, device_id uuid, chain_id bytea, chain_seq integer, chain_head bytea, roles text[], display_name text,
               practice_name text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY
  SELECT a.account_id, me.device_id, a.chain_id, a.chain_seq, a.chain_head, a.roles, a.display_name,
         p.name
    FROM account a JOIN practice p ON p.practice_id = p_practice
   WHERE a.practice_id = p_practice AND a.account_id = me.account_id;
END $$;
