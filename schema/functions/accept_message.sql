-- Take one sealed message: hold it under its promise, or place it at once. The whole send, in one round trip (A-9, D-26).
--   p_version    the thread as the promise was computed on it (D-35); another version: outcome moved, nothing stored
--   p_reason     1 at once, 6 urgent, NULL held
--   p_counted_from  = p_accepted_at, but for one that takes the place of another (A-4)
--   p_window_at  start of the opening it will be read in (NULL: none)   p_acked_until  an acknowledgement covers until then
--   p_ready_at   limits keep it back until then (NULL: none did)        p_counts_at    when it counts in budgets (NULL: in none)
--   p_notice_at  its reader is told no earlier (NULL: when placed)      p_question     what was decided on, for a replay (G9)
--   p_steps .. p_card  who is called for an urgent one, in parallel arrays (empty: nobody), and the card its sender was shown
--   p_reader     the cover whose hours decided (NULL: the owner)
-- Outcomes: accepted; again (this mid with these bytes, the first answer); mid_taken; moved; no_thread; closed;
-- stale_epoch (with the newest commit, which may be the one named: somebody in it has left since); no_seat (the device is not
-- in the newest roster).
CREATE OR REPLACE FUNCTION accept_message(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_account uuid, p_device uuid, p_mid uuid, p_item_hash bytea, p_envelope bytea,
  p_epoch integer, p_commit_hash bytea, p_by_client boolean, p_urgent boolean, p_expects_reply boolean,
  p_service_class integer, p_size integer, p_turn bigint,
  p_version bigint, p_accepted_at timestamptz, p_counted_from timestamptz, p_release_at timestamptz, p_reply_by timestamptz,
  p_ready_at timestamptz, p_counts_at timestamptz, p_window_at timestamptz, p_notice_at timestamptz, p_reader uuid,
  p_acked_until timestamptz, p_reason integer, p_promise bytea, p_promise_hash bytea, p_decision bytea, p_question bytea,
  p_leaf_id uuid, p_leaf_salt bytea,
  p_steps smallint[], p_alert_ids uuid[], p_callees uuid[], p_names text[], p_due timestamptz[], p_card text)
RETURNS SETOF sent LANGUAGE plpgsql AS $$
DECLARE
  me record;
  known message;
  th thread;
  m message;
  made entry;
  answer sent;
  told uuid[] := '{}';
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  IF me.account_id <> p_account THEN
    answer.outcome := 'no_thread';        -- a device of somebody else: told the same as for no thread at all
    RETURN NEXT answer; RETURN;
  END IF;

  SELECT * INTO known FROM message k WHERE k.practice_id = p_practice AND k.account_id = p_account AND k.mid = p_mid;
  IF NOT FOUND THEN
    SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM member s WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.account_id = p_account
                                             AND present(s, p_now))
       OR EXISTS (SELECT FROM exclusion x WHERE x.practice_id = p_practice AND x.thread_id = p_thread AND x.device_id = me.device_id) THEN
      answer.outcome := 'no_thread';
      RETURN NEXT answer; RETURN;
    END IF;
    -- a twin of this request may have been waiting for the same lock
    SELECT * INTO known FROM message k WHERE k.practice_id = p_practice AND k.account_id = p_account AND k.mid = p_mid;
  END IF;
  IF known.mid IS NOT NULL THEN
    IF known.thread_id = p_thread AND release_thread(p_practice, p_thread, p_now) > 0 THEN
      told := tell_feeds(p_practice, ARRAY[p_thread]);
    END IF;
    SELECT * INTO answer FROM sent_message(p_practice, p_account, p_mid,
      CASE WHEN known.item_hash = p_item_hash AND known.thread_id = p_thread THEN 'again' ELSE 'mid_taken' END);
    answer.told := told;
    RETURN NEXT answer; RETURN;
  END IF;

  IF release_thread(p_practice, p_thread, p_now) > 0 THEN
    answer.told := tell_feeds(p_practice, ARRAY[p_thread]);
    answer.outcome := 'moved';
  ELSIF NOT th.is_open THEN
    answer.outcome := 'closed';
  ELSIF NOT EXISTS (SELECT FROM seat s JOIN device d ON d.practice_id = p_practice AND d.device_id = s.device_id
                     WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.device_id = p_device
                       AND d.account_id = p_account AND d.revoked_at IS NULL) THEN
    answer.outcome := 'no_seat';
  ELSIF th.commit_hash <> p_commit_hash OR th.epoch <> p_epoch OR th.roster_ends_at <= p_now THEN
    answer.outcome := 'stale_epoch';
    SELECT e.commit INTO answer.newest FROM epoch e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.epoch = th.epoch;
  ELSIF th.version <> p_version THEN
    answer.outcome := 'moved';
  END IF;
  IF answer.outcome IS NOT NULL THEN
    RETURN NEXT answer; RETURN;
  END IF;

  INSERT INTO message (practice_id, account_id, mid, thread_id, device_id, by_client, item_hash, envelope, epoch, urgent, expects_reply,
                       service_class, size, turn, accepted_at, accepted_order, counted_from, release_at, reply_by, ready_at, counts_at,
                       window_at, notice_at, reader, state,
                       n, placed_at, promise, promise_hash, decision, question, leaf_id, leaf_salt)
  VALUES (p_practice, p_account, p_mid, p_thread, p_device, p_by_client, p_item_hash, p_envelope, p_epoch, p_urgent, p_expects_reply,
          p_service_class, p_size, p_turn, p_accepted_at, th.accepted + 1, p_counted_from, p_release_at, p_reply_by, p_ready_at, p_counts_at,
          p_window_at, p_notice_at, p_reader,
          -- placed at once is stored as such, so that the row is written only once; place_message gives it this very place
          CASE WHEN p_reason IS NULL THEN 'held' ELSE 'placed' END, CASE WHEN p_reason IS NOT NULL THEN th.last_n + 1 END,
          CASE WHEN p_reason IS NOT NULL THEN greatest(p_now, p_accepted_at, th.last_placed_at) END, p_promise, p_promise_hash, p_decision, p_question, p_leaf_id, p_leaf_salt)
  ON CONFLICT (practice_id, account_id, mid) DO NOTHING
  RETURNING * INTO m;
  IF NOT FOUND THEN                       -- at this very moment the same mid was taken in another thread
    RETURN QUERY SELECT * FROM sent_message(p_practice, p_account, p_mid, 'mid_taken');
    RETURN;
  END IF;
  UPDATE thread t
     SET accepted = t.accepted + 1, version = t.version + 1
   WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
  UPDATE member s SET last_accepted_at = p_accepted_at, acked_until = coalesce(p_acked_until, s.acked_until)
   WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.account_id = p_account;

  answer := ('accepted', p_item_hash, p_promise, NULL, p_promise_hash, p_decision, 'held', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}', NULL)::sent;
  IF p_reason IS NOT NULL THEN
    made := place_message(p_practice, m, p_reason, greatest(p_now, p_accepted_at));
    answer.state := 'placed'; answer.n := made.n; answer.reason := made.reason; answer.generation := made.generation;
    answer.placed_at := made.placed_at; answer.t := made.t;
    answer.told := tell_feeds(p_practice, ARRAY[p_thread]);
  ELSIF p_release_at IS NOT NULL THEN
    PERFORM expect_due(p_practice, p_release_at);
  END IF;
  IF cardinality(p_steps) > 0 THEN
    answer.told := answer.told || raise_alerts(p_practice, p_thread, p_account, p_mid, p_steps, p_alert_ids, p_callees, p_names, p_due, p_card);
  END IF;
  RETURN NEXT answer;
END $$;
