-- One more link of the caller's own chain; arguments and outcomes as in extend_chain.
CREATE OR REPLACE FUNCTION grow_chain(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_recorded_at timestamptz,
  p_op integer, p_seq integer, p_head bytea, p_link bytea, p_link_promise bytea, p_leaf_id uuid, p_leaf_data bytea,
  p_device uuid, p_sign_pk bytea, p_hpke_hash bytea, p_class integer, p_gone uuid[], p_mids uuid[], p_statuses bytea[],
  p_audit_leaf uuid, p_salt bytea, p_record bytea,
  OUT outcome text, OUT threads uuid[], OUT told uuid[])
LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  SELECT x.outcome, x.threads, x.told INTO outcome, threads, told
    FROM extend_chain(p_practice, me, p_now, p_recorded_at, p_op, p_seq, p_head, p_link, p_link_promise, p_leaf_id, p_leaf_data,
                      p_device, p_sign_pk, p_hpke_hash, p_class, p_gone, p_mids, p_statuses, p_audit_leaf, p_salt, p_record) x;
END $$;
