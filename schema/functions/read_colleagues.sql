-- The therapists of the practice, the caller included: whom one may ask to cover or to join.
CREATE OR REPLACE FUNCTION read_colleagues(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS TABLE (account_id uuid, chain_id bytea, name text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY
  SELECT a.account_id, a.chain_id, a.display_name
    FROM account a
   WHERE a.practice_id = p_practice AND 'therapist' = ANY (a.roles) AND a.closed_at IS NULL
   ORDER BY a.display_name, a.account_id;
END $$;
