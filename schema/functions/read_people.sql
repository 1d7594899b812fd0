-- Everybody who is or was in a thread; for whoever came without the history, since they came. The caller alone learns T_n at its
-- start_n: there its reading begins (A-3).
-- name: what the practice calls staff. ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION read_people(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid)
RETURNS TABLE (account_id uuid, chain_id bytea, role smallint, name text, start_n bigint, until timestamptz, ended_at timestamptz,
               consent_hash bytea, start_t bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
  came_at timestamptz;                      -- NULL: all of it is theirs
BEGIN
  SELECT * INTO me FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  came_at := (SELECT e.placed_at FROM entry e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.n = me.joined_n);
  RETURN QUERY
  SELECT m.account_id, a.chain_id, m.role, a.display_name, m.start_n, m.until,
         CASE WHEN present(m, p_now) THEN NULL ELSE coalesce(m.ended_at, m.until) END, m.consent_hash, e.t
    FROM member m
    JOIN account a ON a.practice_id = p_practice AND a.account_id = m.account_id
    LEFT JOIN entry e ON e.practice_id = p_practice AND e.thread_id = p_thread AND e.n = m.start_n AND m.account_id = me.account_id
   WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND (came_at IS NULL OR m.ended_at IS NULL OR m.ended_at > came_at)
   ORDER BY m.account_id;
END $$;
