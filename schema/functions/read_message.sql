-- What became of one of the caller's own messages. No row: none of its messages in this thread has this mid.
CREATE OR REPLACE FUNCTION read_message(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_mid uuid)
RETURNS SETOF sent LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  IF EXISTS (SELECT FROM message m WHERE m.practice_id = p_practice AND m.account_id = me AND m.mid = p_mid AND m.thread_id = p_thread) THEN
    IF release_thread(p_practice, p_thread, p_now) > 0 THEN
      PERFORM tell_feeds(p_practice, ARRAY[p_thread]);
    END IF;
    RETURN QUERY SELECT * FROM sent_message(p_practice, me, p_mid, 'known');
  END IF;
END $$;
