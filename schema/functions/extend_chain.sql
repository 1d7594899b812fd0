-- One more link of a chain with everything that follows from it (tep.md §5.2, A-5), verified before on the chain as it ended
-- at p_seq - 1. The whole of it counts or nothing does.
--   p_recorded_at  when the log took it: not before anything that is placed in a thread of this person
--   p_op       2 add, 3 revoke, 4 rotate, 5 announce a new recovery device, 6 complete that, 7 close the account
--   p_device   the device that comes in (2, 6) or has a new X-Wing key (4), with its keys and class
--   p_gone     devices that are out from now on (3, 6, 7); what waits of them goes back to them:
--   p_mids, p_statuses  exactly the items that return_held finds, each with its signed Status
-- Outcomes: added; moved (the chain has grown, something was placed, or something else waits by now: look again).
-- ET409: the device that comes in exists in this practice.
CREATE OR REPLACE FUNCTION extend_chain(
  p_practice uuid, p_account uuid, p_now timestamptz, p_recorded_at timestamptz,
  p_op integer, p_seq integer, p_head bytea, p_link bytea, p_link_promise bytea, p_leaf_id uuid, p_leaf_data bytea,
  p_device uuid, p_sign_pk bytea, p_hpke_hash bytea, p_class integer, p_gone uuid[], p_mids uuid[], p_statuses bytea[],
  p_audit_leaf uuid, p_salt bytea, p_record bytea,
  OUT outcome text, OUT threads uuid[], OUT told uuid[])
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  outcome := 'moved';
  told := '{}';
  IF p_op = 7 THEN      -- it goes with the account; who asks by passphrase locks it before the request, and a request before the account
    PERFORM FROM passphrase w WHERE w.practice_id = p_practice AND w.account_id = p_account FOR UPDATE;
  END IF;
  PERFORM FROM account a WHERE a.practice_id = p_practice AND a.account_id = p_account AND a.chain_seq = p_seq - 1
    FOR NO KEY UPDATE;                    -- whoever places something for this person refers to the row while it waits for us
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- those too where a time ran out and the worker has not been yet: something may still wait there
  threads := ARRAY(SELECT m.thread_id FROM member m
                    WHERE m.practice_id = p_practice AND m.account_id = p_account AND m.ended_at IS NULL);
  PERFORM FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = ANY (threads) ORDER BY t.thread_id FOR UPDATE;
  IF cardinality(p_gone) > 0 THEN
    -- what is due was in time: it is placed and not given back
    told := release_due(p_practice, p_account, p_now);
    IF told <> '{}' THEN
      RETURN;                             -- feeds are told once in a transaction
    END IF;
  END IF;
  IF EXISTS (SELECT FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = ANY (threads) AND t.last_placed_at > p_recorded_at) THEN
    RETURN;
  END IF;
  IF cardinality(p_gone) > 0 AND NOT return_held(p_practice, NULL, ARRAY[p_account], p_gone, p_mids, p_statuses, p_now) THEN
    RETURN;
  END IF;

  IF p_op = 4 THEN
    UPDATE device d SET hpke_hash = p_hpke_hash WHERE d.practice_id = p_practice AND d.device_id = p_device AND d.account_id = p_account;
  ELSIF p_device IS NOT NULL THEN
    INSERT INTO device (practice_id, device_id, account_id, sign_pk, hpke_hash, class)
    VALUES (p_practice, p_device, p_account, p_sign_pk, p_hpke_hash, p_class) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'device_taken' USING ERRCODE = 'ET409';   -- takes the steps above back as well
    END IF;
  END IF;
  -- sessions of a revoked device end by this: enter looks at it
  UPDATE device d SET revoked_at = p_recorded_at
   WHERE d.practice_id = p_practice AND d.device_id = ANY (p_gone) AND d.account_id = p_account AND d.revoked_at IS NULL;
  UPDATE account a SET chain_seq = p_seq, chain_head = p_head, closed_at = CASE WHEN p_op = 7 THEN p_recorded_at END
   WHERE a.practice_id = p_practice AND a.account_id = p_account;
  IF p_op = 7 THEN
    DELETE FROM passphrase w WHERE w.practice_id = p_practice AND w.account_id = p_account;
    PERFORM tell_of_gone_callee(p_practice, p_account, p_salt, p_now);
  END IF;
  PERFORM add_links(p_practice, p_account, p_seq, ARRAY[p_link], ARRAY[p_link_promise], ARRAY[p_leaf_id], ARRAY[p_leaf_data], p_recorded_at);
  -- promises remember whose signatures count: each thread of this person has changed. Nobody seals to who has gone for good
  UPDATE thread t
     SET version = t.version + 1, roster_ends_at = CASE WHEN p_op = 7 THEN least(t.roster_ends_at, p_now) ELSE t.roster_ends_at END
   WHERE t.practice_id = p_practice AND t.thread_id = ANY (threads);
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  told := tell_feeds(p_practice, threads);
  PERFORM expect_due(p_practice, p_now);
  outcome := 'added';
END $$;
