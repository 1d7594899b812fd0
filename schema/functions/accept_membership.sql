-- Somebody new accepts an invitation into a thread that is there (A-10). The person exists from now on and waits: the consents, and
-- the commit that names them, bring them in. Everything was verified before, on the owner's chain as p_owner_seq had it.
-- Outcomes: accepted; spent; expired; moved (the owner's chain has grown: look again); taken (chain or device exists); closed.
CREATE OR REPLACE FUNCTION accept_membership(
  p_practice uuid, p_lookup uuid, p_now timestamptz, p_accept bytea, p_owner_seq integer, p_charter_sig bytea,
  p_account uuid, p_chain bytea, p_head bytea, p_links bytea[], p_link_promises bytea[], p_leaf_ids uuid[], p_leaf_data bytea[],
  p_devices uuid[], p_sign_pks bytea[], p_hpke_hashes bytea[], p_classes integer[],
  p_audit_leaf uuid, p_salt bytea, p_record bytea,
  OUT outcome text, OUT told uuid[])
LANGUAGE plpgsql AS $$
DECLARE
  i invitation;
  th thread;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  told := '{}';
  SELECT * INTO i FROM invitation v WHERE v.practice_id = p_practice AND v.lookup_id = p_lookup FOR UPDATE;
  SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = i.thread_id FOR UPDATE;
  IF i.accept IS NOT NULL THEN
    outcome := 'spent';
  ELSIF i.lookup_id IS NULL OR i.opens OR i.expires_at <= p_now THEN
    outcome := 'expired';
  ELSIF NOT th.is_open THEN
    outcome := 'closed';
  ELSIF NOT EXISTS (SELECT FROM account a WHERE a.practice_id = p_practice AND a.account_id = i.owner AND a.chain_seq = p_owner_seq) THEN
    outcome := 'moved';
  END IF;
  IF outcome IS NOT NULL THEN
    RETURN;
  END IF;
  BEGIN
    PERFORM add_account(p_practice, p_account, ARRAY['client'], '', p_now, p_chain, p_head, p_links, p_link_promises,
                        p_leaf_ids, p_leaf_data, p_devices, p_sign_pks, p_hpke_hashes, p_classes);
  EXCEPTION WHEN unique_violation THEN
    outcome := 'taken';
    RETURN;
  END;
  UPDATE invitation v SET accept = p_accept, accepted_by = p_account, accepted_sig = p_charter_sig
   WHERE v.practice_id = p_practice AND v.lookup_id = p_lookup;
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  told := tell_feeds(p_practice, ARRAY[i.thread_id], p_now);
  PERFORM expect_due(p_practice, p_now);
  outcome := 'accepted';
END $$;
