-- What waits of these accounts, in one thread (p_thread NULL: in all) and from these devices (p_devices NULL: from all), for the
-- server itself: it signs for each that it goes back to its sender. Never answered to anybody. What is due is released first.
CREATE OR REPLACE FUNCTION load_held_of(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
                                        p_accounts uuid[], p_devices uuid[], p_thread uuid)
RETURNS TABLE (account_id uuid, mid uuid, thread_id uuid, device_id uuid, item_hash bytea, generation integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  a_thread uuid;
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  IF p_thread IS NULL THEN
    PERFORM release_due(p_practice, CASE WHEN cardinality(p_accounts) = 1 THEN p_accounts[1] END, p_now);
  ELSIF release_thread(p_practice, p_thread, p_now) > 0 THEN
    PERFORM tell_feeds(p_practice, ARRAY[p_thread]);
  END IF;
  FOREACH a_thread IN ARRAY threads_of(p_practice, p_thread, p_accounts) LOOP
    RETURN QUERY
    SELECT m.account_id, m.mid, m.thread_id, m.device_id, m.item_hash, t.generation
      FROM message m
      JOIN thread t ON t.practice_id = p_practice AND t.thread_id = a_thread
     WHERE m.practice_id = p_practice AND m.thread_id = a_thread AND m.state = 'held' AND m.account_id = ANY (p_accounts)
       AND (p_devices IS NULL OR m.device_id = ANY (p_devices));
  END LOOP;
END $$;
