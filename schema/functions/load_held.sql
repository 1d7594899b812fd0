-- Messages that wait in these threads, for the server itself: a change of rules, or a recall, may bring them forward (D-4). Never answered to anybody.
--   commit  of the epoch it is sealed under, where somebody covers in the thread: for whom it is not sealed, it is no earlier
CREATE OR REPLACE FUNCTION load_held(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_threads uuid[])
RETURNS TABLE (account_id uuid, mid uuid, thread_id uuid, promise bytea, promise_hash bytea, by_client boolean, role smallint,
               service_class smallint, size integer, turn bigint, accepted_at timestamptz, release_at timestamptz, reply_by timestamptz,
               ready_at timestamptz, counts_at timestamptz, commit bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY
  SELECT m.account_id, m.mid, m.thread_id, coalesce(m.promise_now, m.promise), m.promise_hash, m.by_client, s.role,
         m.service_class, m.size, m.turn, m.accepted_at, m.release_at, m.reply_by, m.ready_at, m.counts_at,
         (SELECT e.commit FROM epoch e
           WHERE e.practice_id = p_practice AND e.thread_id = m.thread_id AND e.epoch = m.epoch
             AND EXISTS (SELECT FROM member c WHERE c.practice_id = p_practice AND c.thread_id = m.thread_id
                                                AND c.role = 3 AND c.until IS NOT NULL AND present(c, p_now)))
    FROM message m
    JOIN member s ON s.practice_id = p_practice AND s.thread_id = m.thread_id AND s.account_id = m.account_id
   WHERE m.practice_id = p_practice AND m.thread_id = ANY (p_threads) AND m.state = 'held'
   ORDER BY m.thread_id, m.accepted_order;
END $$;
