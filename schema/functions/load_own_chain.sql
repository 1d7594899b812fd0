-- The caller's own chain, as load_chain has it, with the device that asks.
CREATE OR REPLACE FUNCTION load_own_chain(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS TABLE (device_id uuid, account_id uuid, chain_id bytea, generation integer, links bytea[], link_promises bytea[],
               indexes bigint[], recorded_at timestamptz[], last_placed_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY SELECT me.device_id, l.* FROM load_chain(p_practice, me.account_id) l;
END $$;
