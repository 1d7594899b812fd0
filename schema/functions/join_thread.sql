-- A client joins by invitation: account, thread, charter as n = 1, epoch 0 as n = 2, rule sheet 1, all or nothing (A-10, A-15.4).
-- Everything was verified before, on the owner's chain as p_owner_seq had it and on the rule versions given.
-- Outcomes: joined; spent; expired; moved (chain or rules changed meanwhile: look again); taken (chain, device or thread exists).
CREATE OR REPLACE FUNCTION join_thread(
  p_practice uuid, p_lookup uuid, p_now timestamptz, p_accept bytea,
  p_owner_seq integer, p_practice_rules_version integer, p_owner_rules_version integer,
  p_account uuid, p_chain bytea, p_head bytea, p_links bytea[], p_link_promises bytea[], p_leaf_ids uuid[], p_leaf_data bytea[],
  p_devices uuid[], p_sign_pks bytea[], p_hpke_hashes bytea[], p_classes integer[],
  p_t0 bytea, p_suite integer, p_charter_hash bytea, p_charter bytea, p_commit bytea, p_commit_hash bytea, p_seats uuid[],
  p_sheet bytea, p_rules_hash bytea, p_shared bytea, p_part bytea, p_salts bytea[],
  p_audit_leaves uuid[], p_audit_salts bytea[], p_audit_records bytea[])
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  i invitation;
  a_position bigint;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  PERFORM FROM practice p WHERE p.practice_id = p_practice FOR SHARE;     -- no change of rules while somebody joins under them
  SELECT * INTO i FROM invitation v WHERE v.practice_id = p_practice AND v.lookup_id = p_lookup FOR UPDATE;
  IF i.accept IS NOT NULL THEN
    RETURN 'spent';
  ELSIF i.lookup_id IS NULL OR i.expires_at <= p_now THEN
    RETURN 'expired';
  ELSIF NOT EXISTS (SELECT FROM account a WHERE a.practice_id = p_practice AND a.account_id = i.owner AND a.chain_seq = p_owner_seq)
     OR rules_moved(p_practice, ARRAY[p_practice, i.owner], ARRAY['practice', 'therapist'], ARRAY[p_practice_rules_version, p_owner_rules_version]) THEN
    RETURN 'moved';
  END IF;
  BEGIN
    PERFORM add_account(p_practice, p_account, ARRAY['client'], '', p_now, p_chain, p_head, p_links, p_link_promises,
                        p_leaf_ids, p_leaf_data, p_devices, p_sign_pks, p_hpke_hashes, p_classes);
    INSERT INTO thread (practice_id, thread_id, owner, generation, last_t, commit_hash, suite, charter_hash, rules_rev, rules_hash, created_at)
    SELECT p_practice, i.thread_id, i.owner, p.generation, p_t0, p_commit_hash, p_suite, p_charter_hash, 1, p_rules_hash, p_now
      FROM practice p WHERE p.practice_id = p_practice;
  EXCEPTION WHEN unique_violation THEN
    RETURN 'taken';
  END;
  INSERT INTO member (practice_id, thread_id, account_id, role)
  VALUES (p_practice, i.thread_id, i.owner, 2), (p_practice, i.thread_id, p_account, 1);
  INSERT INTO charter (practice_id, thread_id, n, charter_hash, charter)
  VALUES (p_practice, i.thread_id, place_item(p_practice, i.thread_id, 5, p_now, p_charter_hash), p_charter_hash, p_charter);
  a_position := place_item(p_practice, i.thread_id, 2, p_now, p_commit_hash);
  INSERT INTO epoch (practice_id, thread_id, epoch, n, commit_hash, commit)
  VALUES (p_practice, i.thread_id, 0, a_position, p_commit_hash, p_commit);
  INSERT INTO seat (practice_id, thread_id, device_id) SELECT p_practice, i.thread_id, s FROM unnest(p_seats) AS s;
  INSERT INTO rule_sheet (practice_id, thread_id, r, sheet, shared, in_force_from) VALUES (p_practice, i.thread_id, 1, p_sheet, p_shared, p_now);
  INSERT INTO rule_sheet_part (practice_id, thread_id, r, account_id, salt, part)
  VALUES (p_practice, i.thread_id, 1, i.owner, p_salts[1], p_part), (p_practice, i.thread_id, 1, p_account, p_salts[2], p_part);
  UPDATE invitation v SET accept = p_accept WHERE v.practice_id = p_practice AND v.lookup_id = p_lookup;
  PERFORM note(p_practice, r.leaf_id, r.salt, r.record, p_now)
     FROM unnest(p_audit_leaves, p_audit_salts, p_audit_records) AS r (leaf_id, salt, record);
  PERFORM tell_feeds(p_practice, ARRAY[i.thread_id]);
  PERFORM expect_due(p_practice, p_now);
  RETURN 'joined';
END $$;
