-- What a sender is told of one of its own messages. No row: it has none with this mid.
CREATE OR REPLACE FUNCTION sent_message(p_practice uuid, p_account uuid, p_mid uuid, p_outcome text)
RETURNS SETOF sent LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT p_outcome, m.item_hash, m.promise, m.promise_now, m.promise_hash, m.decision, m.state,
         e.n, e.reason, e.generation, e.placed_at, e.t, m.status, NULL::bytea, '{}'::uuid[], m.recall
    FROM message m
    LEFT JOIN entry e ON e.practice_id = p_practice AND e.thread_id = m.thread_id AND e.n = m.n
   WHERE m.practice_id = p_practice AND m.account_id = p_account AND m.mid = p_mid;
END $$;
