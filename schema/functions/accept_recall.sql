-- Take back a message that is still held (tep_amendments.md A-4, mode 1). Its ciphertext goes at once, no trace stays for readers.
--   p_signer  the device that signed it: any that is active, the recovery device too
--   p_recall  the signed Recall, 192 bytes     p_status  receipt over Status 3, prepared
--   p_day, p_record_id, p_salt, p_record       what the day's audit leaf will hold of it (A-6)
--   p_version  the thread as those others were weighed on it; NULL: nothing hangs on that
--   p_e_..     other messages of the sender that now go earlier, as in move_earlier: a budget has room again
-- Outcomes: recalled; again (this very Recall, the first receipt); already_placed (with its entry); not_held; no_message;
-- revoked (the device that signed); moved (something was accepted or placed since: look again).
CREATE OR REPLACE FUNCTION accept_recall(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_account uuid, p_mid uuid, p_item_hash bytea, p_signer uuid, p_recall bytea, p_status bytea,
  p_day date, p_record_id uuid, p_salt bytea, p_record bytea, p_version bigint,
  p_e_accounts uuid[], p_e_mids uuid[], p_e_release timestamptz[], p_e_reply timestamptz[], p_e_ready timestamptz[], p_e_counts timestamptz[],
  p_e_windows timestamptz[], p_e_notices timestamptz[], p_e_readers uuid[], p_e_promises bytea[], p_e_hashes bytea[],
  p_e_day date, p_e_ids uuid[], p_e_salts bytea[], p_e_records bytea[])
RETURNS SETOF sent LANGUAGE plpgsql AS $$
DECLARE
  th thread;
  m message;
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
  SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
  SELECT * INTO m FROM message k WHERE k.practice_id = p_practice AND k.account_id = p_account AND k.mid = p_mid;
  IF NOT FOUND OR m.thread_id <> p_thread OR m.item_hash <> p_item_hash THEN
    answer.outcome := 'no_message';
    answer.told := told;
    RETURN NEXT answer; RETURN;
  END IF;
  IF m.state <> 'held' THEN
    SELECT * INTO answer FROM sent_message(p_practice, p_account, p_mid,
      CASE WHEN m.state = 'placed' THEN 'already_placed' WHEN m.recall = p_recall THEN 'again' ELSE 'not_held' END);
    answer.told := told;
    RETURN NEXT answer; RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM device d WHERE d.practice_id = p_practice AND d.device_id = p_signer
                                        AND d.account_id = p_account AND d.revoked_at IS NULL) THEN
    answer.outcome := 'revoked';
    answer.told := told;
    RETURN NEXT answer; RETURN;
  END IF;
  IF th.version <> p_version THEN
    answer.outcome := 'moved';
    answer.told := told;
    RETURN NEXT answer; RETURN;
  END IF;
  UPDATE message k
     SET state = 'recalled', header_hash = sha256(substring(m.envelope FROM 1 FOR 152)), envelope = NULL,
         recall = p_recall, status = p_status, ended_at = p_now
   WHERE k.practice_id = p_practice AND k.account_id = p_account AND k.mid = p_mid;
  -- what was decided while it counted is decided anew; nobody sees a version
  UPDATE thread t SET version = t.version + 1 WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
  PERFORM move_earlier(p_practice, p_now, p_e_accounts, p_e_mids, p_e_release, p_e_reply, p_e_ready, p_e_counts, p_e_windows, p_e_notices,
                         p_e_readers, p_e_promises, p_e_hashes, p_e_day, p_e_ids, p_e_salts, p_e_records);
  INSERT INTO day_record (practice_id, day, record_id, salt, record) VALUES (p_practice, p_day, p_record_id, p_salt, p_record);
  SELECT * INTO answer FROM sent_message(p_practice, p_account, p_mid, 'recalled');
  answer.told := told;
  RETURN NEXT answer;
END $$;
