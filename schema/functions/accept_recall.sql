-- Take back a message that is still held (tep_amendments.md A-4, mode 1). Its ciphertext goes at once, no trace stays for readers.
--   p_signer  the device that signed it: any that is active, the recovery device too
--   p_recall  the signed Recall, 192 bytes     p_status  receipt over Status 3, prepared
--   p_day, p_record_id, p_salt, p_record       what the day's audit leaf will hold of it (A-6)
-- Outcomes: recalled; again (this very Recall, the first receipt); already_placed (with its entry); not_held; no_message;
-- revoked (the device that signed).
CREATE OR REPLACE FUNCTION accept_recall(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_account uuid, p_mid uuid, p_item_hash bytea, p_signer uuid, p_recall bytea, p_status bytea,
  p_day date, p_record_id uuid, p_salt bytea, p_record bytea)
RETURNS SETOF sent LANGUAGE plpgsql AS $$
DECLARE
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
  UPDATE message k
     SET state = 'recalled', header_hash = sha256(substring(m.envelope FROM 1 FOR 152)), envelope = NULL,
         recall = p_recall, status = p_status, ended_at = p_now
   WHERE k.practice_id = p_practice AND k.account_id = p_account AND k.mid = p_mid;
  INSERT INTO day_record (practice_id, day, record_id, salt, record) VALUES (p_practice, p_day, p_record_id, p_salt, p_record);
  SELECT * INTO answer FROM sent_message(p_practice, p_account, p_mid, 'recalled');
  answer.told := told;
  RETURN NEXT answer;
END $$;
