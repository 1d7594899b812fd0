-- One page of a thread: placed positions after p_after, in order, each with its item and, for a message, its promise.
-- An erased item shows as its entry alone, and so does what was placed before somebody without history was brought in; of what
-- was placed up to their start_n they see nothing (A-3). Always at least one row: with n NULL where nothing is new; last_* is
-- the thread's end. ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION read_page(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_after bigint, p_limit integer)
RETURNS TABLE (last_n bigint, last_t bytea, last_placed_at timestamptz, last_generation integer,
               n bigint, item_type smallint, reason smallint, generation integer, placed_at timestamptz, item_hash bytea,
               promise_hash bytea, t bytea, item bytea, promise bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  IF release_thread(p_practice, p_thread, p_now) > 0 THEN
    PERFORM tell_feeds(p_practice, ARRAY[p_thread]);
  END IF;
  -- once more: the caller may have been left out while the release waited for the thread
  SELECT * INTO me FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  RETURN QUERY
  SELECT th.last_n, th.last_t, th.last_placed_at, th.generation,
         e.n, e.item_type, e.reason, e.generation, e.placed_at, e.item_hash, e.promise_hash, e.t,
         coalesce(m.envelope, c.commit, h.charter, g.mark), coalesce(m.promise_now, m.promise)
    FROM thread th
    LEFT JOIN LATERAL (SELECT * FROM entry x WHERE x.practice_id = p_practice AND x.thread_id = p_thread AND x.n > greatest(p_after, me.start_n)
                        ORDER BY x.n LIMIT p_limit) e ON true
    -- each of these looks up one row for each position; LIMIT keeps the planner from reading whole threads to join them
    LEFT JOIN LATERAL (SELECT * FROM message x WHERE e.item_type = 1 AND e.n >= me.joined_n AND x.practice_id = p_practice AND x.thread_id = p_thread AND x.n = e.n
                        LIMIT 1) m ON true
    LEFT JOIN LATERAL (SELECT * FROM epoch x WHERE e.item_type = 2 AND e.n >= me.joined_n AND x.practice_id = p_practice AND x.thread_id = p_thread AND x.n = e.n
                        LIMIT 1) c ON true
    LEFT JOIN LATERAL (SELECT * FROM charter x WHERE e.item_type = 5 AND e.n >= me.joined_n AND x.practice_id = p_practice AND x.thread_id = p_thread AND x.n = e.n
                        LIMIT 1) h ON true
    LEFT JOIN LATERAL (SELECT * FROM generation_mark x WHERE e.item_type = 4 AND x.practice_id = p_practice AND x.thread_id = p_thread AND x.n = e.n
                        LIMIT 1) g ON true
   WHERE th.practice_id = p_practice AND th.thread_id = p_thread
   ORDER BY e.n;
END $$;
