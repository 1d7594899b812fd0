-- What a commit in this thread is checked against: the newest epoch and the whole chains of its members (A-5).
--   p_n  a position whose T_n the commit's view claims (t NULL: there is none)
-- One row a member. ET404: no such thread, or not a member.
CREATE OR REPLACE FUNCTION load_roster(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_n bigint)
RETURNS TABLE (caller uuid, caller_device uuid, epoch integer, commit_hash bytea, suite smallint, charter_hash bytea, t bytea, home bytea,
               account_id uuid, role smallint, chain_id bytea, links bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  IF NOT EXISTS (SELECT FROM member m WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = me.account_id) THEN
    RAISE EXCEPTION 'no_such_thread' USING ERRCODE = 'ET404';
  END IF;
  RETURN QUERY
  SELECT me.account_id, me.device_id, t.epoch, t.commit_hash, t.suite, t.charter_hash, (SELECT e.t FROM entry e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.n = p_n), p.home, m.account_id, m.role, a.chain_id,
         (SELECT array_agg(c.link ORDER BY c.seq) FROM chain_link c WHERE c.practice_id = p_practice AND c.account_id = m.account_id)
    FROM thread t
    JOIN practice p ON p.practice_id = p_practice
    JOIN member m ON m.practice_id = p_practice AND m.thread_id = t.thread_id
    JOIN account a ON a.practice_id = p_practice AND a.account_id = m.account_id
   WHERE t.practice_id = p_practice AND t.thread_id = p_thread
   ORDER BY m.account_id;
END $$;
