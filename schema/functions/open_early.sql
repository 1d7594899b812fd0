-- The therapist of a thread opens it before its hours (rules.md 3.5, D-32): what clients wrote that waits is placed now, in the order
-- of acceptance, with reason 4. Whether anything waited is not answered; what is placed can be seen like anything else.
--   p_leaf_id, p_salt, p_record  the audit leaf of the act itself
-- Answers the accounts told. ET404 as in enter_thread; ET403 wrong_role: not the therapist whose thread it is.
CREATE OR REPLACE FUNCTION open_early(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid,
                                      p_leaf_id uuid, p_salt bytea, p_record bytea, OUT told uuid[])
LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread) e);
  th thread;
  m message;
  placed integer;
BEGIN
  told := '{}';
  SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
  IF th.owner <> me THEN
    RAISE EXCEPTION 'wrong_role' USING ERRCODE = 'ET403';
  END IF;
  placed := release_thread(p_practice, p_thread, p_now);
  FOR m IN SELECT * FROM message h WHERE h.practice_id = p_practice AND h.thread_id = p_thread AND h.state = 'held' AND h.by_client
            -- what goes back to somebody whose time here ends before it would be read is not shown either (A-6)
            AND NOT EXISTS (SELECT FROM member o WHERE o.practice_id = p_practice AND o.thread_id = p_thread
                                                   AND o.account_id = h.account_id AND (o.until <= h.release_at OR o.until <= p_now))
            ORDER BY h.counted_from, h.accepted_order
  LOOP
    PERFORM place_message(p_practice, m, 4, p_now);
    placed := placed + 1;
  END LOOP;
  PERFORM note(p_practice, p_leaf_id, p_salt, p_record, p_now);
  IF placed > 0 THEN
    told := tell_feeds(p_practice, ARRAY[p_thread]);
  END IF;
END $$;
