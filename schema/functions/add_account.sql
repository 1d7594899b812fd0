-- A new person: account, chain, devices, feed, and a keys leaf for each link. All inside the caller's transaction;
-- it wakes the worker afterwards.
--   arrays of links and of devices run in parallel; p_leaf_data as in A-15.2
CREATE OR REPLACE FUNCTION add_account(
  p_practice uuid, p_account uuid, p_roles text[], p_display_name text, p_now timestamptz,
  p_chain bytea, p_head bytea, p_links bytea[], p_link_promises bytea[], p_leaf_ids uuid[], p_leaf_data bytea[],
  p_devices uuid[], p_sign_pks bytea[], p_hpke_hashes bytea[], p_classes integer[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  INSERT INTO account (practice_id, account_id, chain_id, chain_seq, chain_head, roles, display_name, joined_at)
  VALUES (p_practice, p_account, p_chain, cardinality(p_links) - 1, p_head, p_roles, p_display_name, p_now);
  INSERT INTO feed (practice_id, account_id) VALUES (p_practice, p_account);
  INSERT INTO device (practice_id, device_id, account_id, sign_pk, hpke_hash, class)
  SELECT p_practice, d.device_id, p_account, d.sign_pk, d.hpke_hash, d.class
    FROM unnest(p_devices, p_sign_pks, p_hpke_hashes, p_classes) AS d (device_id, sign_pk, hpke_hash, class);
  PERFORM add_links(p_practice, p_account, 0, p_links, p_link_promises, p_leaf_ids, p_leaf_data, p_now);
END $$;
