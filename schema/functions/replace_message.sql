-- Put another message in the place of one of one's own that still waits, or was returned within 30 days (A-4, mode 2). All or
-- nothing: where the new one is not accepted, the old one is untouched. The new one keeps the old one's counted_from.
--   p_old .. p_status  the old message, the signed Recall in mode 2, the device that signed it, Status 5
--   the others                 as in accept_message, of which every check is made
--   p_e_..     other messages of the sender that now go earlier, as in move_earlier: a budget has room again
--   p_day, p_record_id, p_salt, p_record  what the day's audit leaf will hold of it (A-6)
-- Outcomes: as accept_message; again (this very Recall: the first answer of the new message); already_placed (the old one, with
-- its entry); not_held; no_message; revoked (the device that signed); other_class.
CREATE OR REPLACE FUNCTION replace_message(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_account uuid, p_old uuid, p_old_hash bytea, p_signer uuid, p_recall bytea, p_status bytea,
  p_day date, p_record_id uuid, p_salt bytea, p_record bytea,
  p_device uuid, p_mid uuid, p_item_hash bytea, p_envelope bytea,
  p_epoch integer, p_commit_hash bytea, p_by_client boolean, p_urgent boolean, p_expects_reply boolean,
  p_service_class integer, p_size integer, p_turn bigint,
  p_version bigint, p_accepted_at timestamptz, p_counted_from timestamptz, p_release_at timestamptz, p_reply_by timestamptz,
  p_ready_at timestamptz, p_counts_at timestamptz, p_window_at timestamptz, p_notice_at timestamptz, p_reader uuid,
  p_acked_until timestamptz, p_reason integer, p_promise bytea, p_promise_hash bytea, p_decision bytea, p_question bytea,
  p_leaf_id uuid, p_leaf_salt bytea,
  p_steps smallint[], p_alert_ids uuid[], p_callees uuid[], p_names text[], p_due timestamptz[], p_card text,
  p_e_accounts uuid[], p_e_mids uuid[], p_e_release timestamptz[], p_e_reply timestamptz[], p_e_ready timestamptz[], p_e_counts timestamptz[],
  p_e_windows timestamptz[], p_e_notices timestamptz[], p_e_readers uuid[], p_e_promises bytea[], p_e_hashes bytea[],
  p_e_day date, p_e_ids uuid[], p_e_salts bytea[], p_e_records bytea[])
RETURNS SETOF sent LANGUAGE plpgsql AS $$
DECLARE
  old message;
  answer sent;
  told uuid[] := '{}';
BEGIN
  IF (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e) <> p_account THEN
    answer.outcome := 'no_message';
    RETURN NEXT answer; RETURN;
  END IF;
  PERFORM FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
  IF release_thread(p_practice, p_thread, p_now) > 0 THEN
    told := tell_feeds(p_practice, ARRAY[p_thread]);
  END IF;
  SELECT * INTO old FROM message k WHERE k.practice_id = p_practice AND k.account_id = p_account AND k.mid = p_old;
  IF NOT FOUND OR old.thread_id <> p_thread OR old.item_hash <> p_old_hash THEN
    answer.outcome := 'no_message';
  ELSIF old.state = 'replaced' AND old.recall = p_recall THEN
    SELECT * INTO answer FROM sent_message(p_practice, p_account, old.replaced_by, 'again');
  ELSIF old.state = 'placed' THEN
    SELECT * INTO answer FROM sent_message(p_practice, p_account, p_old, 'already_placed');
  ELSIF old.state <> 'held' AND (old.state <> 'returned' OR old.envelope IS NULL OR old.ended_at <= p_now - interval '30 days') THEN
    answer.outcome := 'not_held';
  ELSIF NOT EXISTS (SELECT FROM device d WHERE d.practice_id = p_practice AND d.device_id = p_signer
                                           AND d.account_id = p_account AND d.revoked_at IS NULL) THEN
    answer.outcome := 'revoked';
  ELSIF get_byte(old.envelope, 3) <> get_byte(p_envelope, 3) THEN
    answer.outcome := 'other_class';
  ELSE
    SELECT * INTO answer FROM accept_message(
      p_practice, p_token, p_roles, p_now, p_thread, p_account, p_device, p_mid, p_item_hash, p_envelope, p_epoch, p_commit_hash,
      p_by_client, p_urgent, p_expects_reply, p_service_class, p_size, p_turn, p_version, p_accepted_at, p_counted_from,
      p_release_at, p_reply_by, p_ready_at, p_counts_at, p_window_at, p_notice_at, p_reader, p_acked_until, p_reason,
      p_promise, p_promise_hash, p_decision, p_question, p_leaf_id, p_leaf_salt,
      p_steps, p_alert_ids, p_callees, p_names, p_due, p_card);
    IF answer.outcome = 'again' THEN        -- it was accepted before, for itself: it cannot take a place as well
      answer.outcome := 'mid_taken';
    ELSIF answer.outcome = 'accepted' THEN
      UPDATE message k
         SET state = 'replaced', header_hash = sha256(substring(k.envelope FROM 1 FOR 152)), envelope = NULL,
             recall = p_recall, status = p_status, replaced_by = p_mid, ended_at = p_now
       WHERE k.practice_id = p_practice AND k.account_id = p_account AND k.mid = p_old;
      PERFORM move_earlier(p_practice, p_now, p_e_accounts, p_e_mids, p_e_release, p_e_reply, p_e_ready, p_e_counts, p_e_windows, p_e_notices,
                               p_e_readers, p_e_promises, p_e_hashes, p_e_day, p_e_ids, p_e_salts, p_e_records);
      INSERT INTO day_record (practice_id, day, record_id, salt, record) VALUES (p_practice, p_day, p_record_id, p_salt, p_record);
    END IF;
  END IF;
  IF answer.told IS NULL OR answer.told = '{}' THEN
    answer.told := told;
  END IF;
  RETURN NEXT answer;
END $$;
