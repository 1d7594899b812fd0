-- Somebody leaves a thread by their own signed word. From this commit on nothing is shown to them; the next epoch shuts them out,
-- and until then nothing can be sent (A-5, A-9 step 6). What they have waiting goes back to them.
--   p_mids, p_statuses  what load_held_of found of theirs here, each with its Status 4
-- Outcomes: left; again (this very Leave); owner (owns the thread); look_again (something else waits meanwhile). ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION leave_thread(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_leave_hash bytea, p_leave bytea, p_mids uuid[], p_statuses bytea[],
  p_audit_leaf uuid, p_salt bytea, p_record bytea,
  OUT outcome text, OUT told uuid[])
LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  th thread;
  released boolean;
BEGIN
  told := '{}';
  IF EXISTS (SELECT FROM leave l WHERE l.practice_id = p_practice AND l.thread_id = p_thread AND l.leave_hash = p_leave_hash AND l.account_id = me) THEN
    outcome := 'again';
    RETURN;
  END IF;
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);   -- a twin of this request, or a commit, may have held the lock
  IF th.owner = me THEN
    outcome := 'owner';
    RETURN;
  END IF;
  released := release_thread(p_practice, p_thread, p_now) > 0;
  IF NOT return_held(p_practice, p_thread, ARRAY[me], NULL, p_mids, p_statuses, p_now) THEN
    outcome := 'look_again';
    IF released THEN
      told := tell_feeds(p_practice, ARRAY[p_thread], p_now);
    END IF;
    RETURN;
  END IF;
  INSERT INTO leave (practice_id, thread_id, leave_hash, account_id, leave, left_at)
  VALUES (p_practice, p_thread, p_leave_hash, me, p_leave, p_now);
  UPDATE member m SET ended_at = p_now WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = me;
  UPDATE thread t SET roster_ends_at = least(t.roster_ends_at, p_now), version = t.version + 1
   WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  told := tell_feeds(p_practice, ARRAY[p_thread], p_now);
  outcome := 'left';
  PERFORM expect_due(p_practice, p_now);
END $$;
