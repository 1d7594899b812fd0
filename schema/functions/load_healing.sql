-- What items from before a restore are judged by: the thread's newest generation mark, and where these commits stand.
-- One row a commit that the thread has; mark_n NULL: the thread was never restored. ET404 as in enter_thread.
--   next_n  position of the commit after it (NULL: it is the newest)
CREATE OR REPLACE FUNCTION load_healing(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_commits bytea[])
RETURNS TABLE (mark_n bigint, commit_hash bytea, n bigint, next_n bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  RETURN QUERY
  SELECT g.n, e.commit_hash, e.n, (SELECT min(f.n) FROM epoch f WHERE f.practice_id = p_practice AND f.thread_id = p_thread AND f.n > e.n)
    FROM (SELECT max(x.n) AS n FROM generation_mark x WHERE x.practice_id = p_practice AND x.thread_id = p_thread) g
    LEFT JOIN epoch e ON e.practice_id = p_practice AND e.thread_id = p_thread AND e.commit_hash = ANY (p_commits);
END $$;
