-- What became of one of the caller's own messages. No row: none of its messages in this thread has this mid, or the caller has no
-- part in the thread (any more).
CREATE OR REPLACE FUNCTION read_message(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_mid uuid)
RETURNS SETOF sent LANGUAGE plpgsql AS $$
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  IF EXISTS (SELECT FROM message m
               JOIN member s ON s.practice_id = p_practice AND s.thread_id = p_thread AND s.account_id = me.account_id AND present(s, p_now)
              WHERE m.practice_id = p_practice AND m.account_id = me.account_id AND m.mid = p_mid AND m.thread_id = p_thread)
     AND NOT EXISTS (SELECT FROM exclusion x WHERE x.practice_id = p_practice AND x.thread_id = p_thread AND x.device_id = me.device_id) THEN
    IF release_thread(p_practice, p_thread, p_now) > 0 THEN
      PERFORM tell_feeds(p_practice, ARRAY[p_thread]);
    END IF;
    RETURN QUERY SELECT * FROM sent_message(p_practice, me.account_id, p_mid, 'known');
  END IF;
END $$;
