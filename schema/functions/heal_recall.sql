-- The Recall of a message that was lost with a restore: the message is not needed any more, but its id must stay spent (A-8). Nothing is
-- placed and nobody else hears of it.
--   p_status  receipt over Status 3 in this generation, prepared    p_day, p_record_id, p_salt, p_record  for the day's audit leaf (A-6)
-- Outcomes: recalled; known (the message is there, in this state: a held one is recalled by accept_recall). ET404 as in enter_thread, and for a message of somebody else.
CREATE OR REPLACE FUNCTION heal_recall(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_account uuid, p_device uuid, p_mid uuid, p_item_hash bytea, p_epoch integer, p_by_client boolean,
  p_accepted_at timestamptz, p_counted_from timestamptz, p_release_at timestamptz, p_reply_by timestamptz,
  p_promise bytea, p_promise_hash bytea, p_decision bytea, p_question bytea, p_recall bytea, p_status bytea, p_leaf_id uuid, p_leaf_salt bytea,
  p_day date, p_record_id uuid, p_salt bytea, p_record bytea)
RETURNS TABLE (outcome text, state text, promise bytea, status bytea, told uuid[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread) e);
  th thread;
  m message;
BEGIN
  IF me <> p_account THEN
    RAISE EXCEPTION 'no_such_thread' USING ERRCODE = 'ET404';
  END IF;
  SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
  SELECT * INTO m FROM message k WHERE k.practice_id = p_practice AND k.account_id = p_account AND k.mid = p_mid;
  IF FOUND THEN
    RETURN QUERY SELECT 'known'::text, m.state, coalesce(m.promise_now, m.promise), m.status, '{}'::uuid[];
    RETURN;
  END IF;
  INSERT INTO message (practice_id, account_id, mid, thread_id, device_id, by_client, item_hash, epoch, urgent, expects_reply,
                       service_class, size, turn, accepted_at, accepted_order, counted_from, release_at, reply_by, state,
                       promise, promise_hash, decision, question, leaf_id, leaf_salt, recall, status, ended_at)
  VALUES (p_practice, p_account, p_mid, p_thread, p_device, p_by_client, p_item_hash, p_epoch, false, true,
          1, 0, th.replies, p_accepted_at, th.accepted + 1, p_counted_from, p_release_at, p_reply_by, 'recalled',
          p_promise, p_promise_hash, p_decision, p_question, p_leaf_id, p_leaf_salt, p_recall, p_status, p_now);
  UPDATE thread t SET accepted = t.accepted + 1, version = t.version + 1 WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
  INSERT INTO day_record (practice_id, day, record_id, salt, record) VALUES (p_practice, p_day, p_record_id, p_salt, p_record);
  RETURN QUERY SELECT 'recalled'::text, 'recalled'::text, p_promise, p_status, '{}'::uuid[];
END $$;
