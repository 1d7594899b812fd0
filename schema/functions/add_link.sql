-- One more link of the caller's own chain, verified before on the chain as it ended at p_seq - 1.
--   p_device  the device that the link brings in
-- Outcomes: added; moved (the chain has grown meanwhile). ET409: the device exists in this practice.
CREATE OR REPLACE FUNCTION add_link(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_seq integer, p_head bytea, p_link bytea, p_link_promise bytea, p_leaf_id uuid, p_leaf_data bytea,
  p_device uuid, p_sign_pk bytea, p_hpke_hash bytea, p_class integer,
  p_audit_leaf uuid, p_salt bytea, p_record bytea)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  mine uuid[];
BEGIN
  UPDATE account a SET chain_seq = p_seq, chain_head = p_head
   WHERE a.practice_id = p_practice AND a.account_id = me AND a.chain_seq = p_seq - 1;
  IF NOT FOUND THEN
    RETURN 'moved';
  END IF;
  IF EXISTS (SELECT FROM device d WHERE d.practice_id = p_practice AND d.device_id = p_device) THEN
    RAISE EXCEPTION 'device_taken' USING ERRCODE = 'ET409';   -- takes the step above back as well
  END IF;
  INSERT INTO device (practice_id, device_id, account_id, sign_pk, hpke_hash, class)
  VALUES (p_practice, p_device, me, p_sign_pk, p_hpke_hash, p_class);
  PERFORM add_links(p_practice, me, p_seq, ARRAY[p_link], ARRAY[p_link_promise], ARRAY[p_leaf_id], ARRAY[p_leaf_data], p_now);
  -- promises remember whose signatures count: each thread of this person has changed
  mine := ARRAY(SELECT m.thread_id FROM member m WHERE m.practice_id = p_practice AND m.account_id = me);
  PERFORM FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = ANY (mine) ORDER BY t.thread_id FOR UPDATE;
  UPDATE thread t SET version = t.version + 1 WHERE t.practice_id = p_practice AND t.thread_id = ANY (mine);
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  PERFORM expect_due(p_practice, p_now);
  RETURN 'added';
END $$;
