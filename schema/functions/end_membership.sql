-- For the worker: mark a membership that ran out, give back what its member still has waiting there, and tell the others, whose apps
-- make the epoch without them (A-6). Nothing was shown since `until` in any case: present says so.
--   p_mids, p_statuses  what read_lapsed found, each with its Status 4
-- ended false: something else waits meanwhile, look again; it is marked already; or what is due there cannot be released.
CREATE OR REPLACE FUNCTION end_membership(p_practice uuid, p_now timestamptz, p_thread uuid, p_account uuid, p_mids uuid[], p_statuses bytea[],
                                          p_audit_leaf uuid, p_salt bytea, p_record bytea,
                                          OUT ended boolean, OUT told uuid[])
LANGUAGE plpgsql AS $$
DECLARE
  released boolean;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  told := '{}';
  ended := false;
  PERFORM FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
  IF NOT EXISTS (SELECT FROM member m WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = p_account
                                        AND m.until <= p_now AND m.ended_at IS NULL) THEN
    RETURN;
  END IF;
  BEGIN
    released := release_thread(p_practice, p_thread, p_now) > 0;
  EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
    RETURN;                               -- as release_due has it: this thread delays no other
  END;
  IF NOT return_held(p_practice, p_thread, ARRAY[p_account], NULL, p_mids, p_statuses, p_now) THEN
    IF released THEN
      told := tell_feeds(p_practice, ARRAY[p_thread], p_now);
    END IF;
    RETURN;
  END IF;
  UPDATE member m SET ended_at = m.until WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = p_account;
  UPDATE thread t SET version = t.version + 1 WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  told := tell_feeds(p_practice, ARRAY[p_thread], p_now);
  ended := true;
END $$;
