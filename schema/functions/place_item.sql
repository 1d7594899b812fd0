-- Give an item that is not a message (commit 2, charter 5) the next position of its thread. Answers the position.
-- The thread's row must be locked, what is due already released.
CREATE OR REPLACE FUNCTION place_item(p_practice uuid, p_thread uuid, p_item_type integer, p_now timestamptz, p_item_hash bytea)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  zeros constant bytea := decode(repeat('00', 32), 'hex');
  placed thread;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  UPDATE thread t
     SET last_n = t.last_n + 1,
         version = t.version + 1,
         last_placed_at = greatest(p_now, t.last_placed_at),
         last_t = thread_next(t.last_t, entry_bytes(p_item_type, 0, t.generation, t.last_n + 1,
                                                    greatest(p_now, t.last_placed_at), p_item_hash, zeros))
   WHERE t.practice_id = p_practice AND t.thread_id = p_thread
  RETURNING t.* INTO STRICT placed;
  INSERT INTO entry (practice_id, thread_id, n, item_type, reason, generation, placed_at, item_hash, promise_hash, t)
  VALUES (p_practice, p_thread, placed.last_n, p_item_type, 0, placed.generation, placed.last_placed_at, p_item_hash, zeros, placed.last_t);
  RETURN placed.last_n;
END $$;
