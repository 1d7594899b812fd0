-- Give back to their senders what still waits: of somebody who is removed, of a device that is, or of a thread that closes
-- (tep_amendments.md A-4, A-5). The caller has locked the threads; nobody but each sender ever learns of it.
--   p_thread    NULL: all threads of these accounts      p_devices  NULL: all devices of the accounts
--   p_mids, p_statuses  what load_held_of found, each with its signed Status 4
-- Answers false, and does nothing, if exactly these are not what waits any more, or if one of them is due: look again.
CREATE OR REPLACE FUNCTION return_held(p_practice uuid, p_thread uuid, p_accounts uuid[], p_devices uuid[],
                                       p_mids uuid[], p_statuses bytea[], p_now timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  a_thread uuid;
  found record;
  senders uuid[] := '{}';
  waiting uuid[] := '{}';
  m message;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  FOREACH a_thread IN ARRAY threads_of(p_practice, p_thread, p_accounts) LOOP
    SELECT array_agg(h.account_id) AS senders, array_agg(h.mid) AS mids, bool_or(h.release_at <= p_now AND NOT EXISTS (
             SELECT FROM member o WHERE o.practice_id = p_practice AND o.thread_id = a_thread AND o.account_id = h.account_id
                                    AND o.until <= h.release_at)) AS due INTO found
      FROM message h
     WHERE h.practice_id = p_practice AND h.thread_id = a_thread AND h.state = 'held' AND h.account_id = ANY (p_accounts)
       AND (p_devices IS NULL OR h.device_id = ANY (p_devices));
    IF found.due THEN
      RETURN false;
    END IF;
    senders := senders || found.senders;
    waiting := waiting || found.mids;
  END LOOP;
  IF ARRAY(SELECT w FROM unnest(waiting) AS w ORDER BY w) <> ARRAY(SELECT p FROM unnest(p_mids) AS p ORDER BY p) THEN
    RETURN false;
  END IF;
  FOR nr IN 1 .. cardinality(waiting) LOOP
    UPDATE message h SET state = 'returned', status = p_statuses[array_position(p_mids, waiting[nr])], ended_at = p_now
     WHERE h.practice_id = p_practice AND h.account_id = senders[nr] AND h.mid = waiting[nr] RETURNING h.* INTO STRICT m;
    -- what is never placed needs no audit leaf of its own: its id and salt serve the record of the day
    INSERT INTO day_record (practice_id, day, record_id, salt, record)
    VALUES (p_practice, (p_now AT TIME ZONE 'UTC')::date, m.leaf_id, m.leaf_salt, convert_to(jsonb_build_object(
      'act', 'message.returned', 'thread', encode(uuid_send(m.thread_id), 'hex'),
      'account', encode(uuid_send(m.account_id), 'hex'), 'at', p_now)::text, 'UTF8'));
    -- what came back counts in no limit any more: what was decided while it did is decided anew; nobody sees a version
    UPDATE thread t SET version = t.version + 1 WHERE t.practice_id = p_practice AND t.thread_id = m.thread_id;
  END LOOP;
  RETURN true;
END $$;
