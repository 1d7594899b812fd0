-- A message that the server had promised and lost with a restore comes back under its old times (A-8): held again, or placed with reason 9
-- where its time has come. Envelope, old promise and the revision that carries it over were verified before.
--   p_promise the receipt of its acceptance   p_promise_now the revision in this generation, with p_promise_hash
-- Outcomes: held; placed; known (it is there, in this state and with this promise: nothing is changed); no_seat (its device is not in the
-- newest roster, or its sender has left); refused (its id is taken by other bytes). ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION heal_message(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_account uuid, p_device uuid, p_mid uuid, p_item_hash bytea, p_envelope bytea, p_epoch integer,
  p_by_client boolean, p_urgent boolean, p_expects_reply boolean, p_service_class integer, p_size integer,
  p_accepted_at timestamptz, p_counted_from timestamptz,
  p_release_at timestamptz, p_reply_by timestamptz, p_window_at timestamptz, p_promise bytea, p_promise_now bytea, p_promise_hash bytea,
  p_decision bytea, p_question bytea, p_leaf_id uuid, p_leaf_salt bytea)
RETURNS TABLE (outcome text, state text, promise bytea, status bytea, told uuid[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  th thread;
  m message;
  moved uuid[] := '{}';
BEGIN
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);      -- the caller may have left while this waited
  IF release_thread(p_practice, p_thread, p_now) > 0 THEN
    moved := tell_feeds(p_practice, ARRAY[p_thread], p_now);
  END IF;
  SELECT * INTO m FROM message k WHERE k.practice_id = p_practice AND k.account_id = p_account AND k.mid = p_mid;
  IF FOUND THEN
    RETURN QUERY SELECT CASE WHEN m.item_hash = p_item_hash AND m.thread_id = p_thread THEN 'known' ELSE 'refused' END,
                        m.state, coalesce(m.promise_now, m.promise), m.status, moved;
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM seat s JOIN device d ON d.practice_id = p_practice AND d.device_id = s.device_id
                  WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.device_id = p_device
                    AND d.account_id = p_account AND d.revoked_at IS NULL)
     -- whoever left has a seat until the next epoch, and nothing that waits
     OR NOT EXISTS (SELECT FROM member o WHERE o.practice_id = p_practice AND o.thread_id = p_thread AND o.account_id = p_account AND present(o, p_now)) THEN
    RETURN QUERY SELECT 'no_seat'::text, NULL::text, NULL::bytea, NULL::bytea, moved;
    RETURN;
  END IF;
  INSERT INTO message (practice_id, account_id, mid, thread_id, device_id, by_client, item_hash, envelope, epoch, urgent, expects_reply,
                       service_class, size, turn, ready_at, counts_at, accepted_at, accepted_order, counted_from, release_at, reply_by, window_at, state,
                       promise, promise_now, promise_hash, decision, question, leaf_id, leaf_salt)
  VALUES (p_practice, p_account, p_mid, p_thread, p_device, p_by_client, p_item_hash, p_envelope, p_epoch, p_urgent, p_expects_reply,
          p_service_class, p_size, th.replies,
          -- a scheduled answer waits for its author's rest to end, which no rules bring forward; urgent counts in no budget
          CASE WHEN NOT p_by_client THEN p_release_at END, CASE WHEN NOT p_urgent THEN p_accepted_at END, p_accepted_at, th.accepted + 1, p_counted_from, p_release_at, p_reply_by, p_window_at, 'held',
          p_promise, p_promise_now, p_promise_hash, p_decision, p_question, p_leaf_id, p_leaf_salt)
  RETURNING * INTO m;
  UPDATE thread t SET accepted = t.accepted + 1, version = t.version + 1 WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
  UPDATE member s SET last_accepted_at = greatest(s.last_accepted_at, p_accepted_at)
   WHERE s.practice_id = p_practice AND s.thread_id = p_thread AND s.account_id = p_account;
  IF p_release_at <= p_now THEN
    PERFORM place_message(p_practice, m, 9, p_now);
    RETURN QUERY SELECT 'placed'::text, 'placed'::text, p_promise_now, NULL::bytea, moved || tell_feeds(p_practice, ARRAY[p_thread], p_now);
    RETURN;
  END IF;
  IF p_release_at IS NOT NULL THEN
    PERFORM expect_due(p_practice, p_release_at);
  END IF;
  RETURN QUERY SELECT 'held'::text, 'held'::text, p_promise_now, NULL::bytea, moved;
END $$;
