-- What a commit in this thread is checked against: the newest epoch, and the whole chains of all who are or were in it and of those
-- whom the consents that it names bring in (A-5, A-6).
--   p_n          a position whose T_n the commit's view claims (t NULL: there is none)
--   p_consents   hashes that the commit names; those of no consent of this thread are passed over
-- One row a person; role NULL: not in it before. newest stands in the caller's own row only. ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION load_roster(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_n bigint, p_consents bytea[])
RETURNS TABLE (caller uuid, caller_device uuid, owner uuid, epoch integer, commit_hash bytea, newest bytea, suite smallint, charter_hash bytea,
               generation integer, t bytea, home bytea,
               account_id uuid, role smallint, chain_id bytea, present boolean, until timestamptz, ended_at timestamptz, consent bytea, links bytea[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  RETURN QUERY
  SELECT me.account_id, me.device_id, t.owner, t.epoch, t.commit_hash,
         CASE WHEN a.account_id = me.account_id
              THEN (SELECT e.commit FROM epoch e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.epoch = t.epoch) END,
         t.suite, t.charter_hash, t.generation,
         (SELECT e.t FROM entry e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.n = p_n),
         p.home, a.account_id, m.role, a.chain_id, m.account_id IS NOT NULL AND present(m, p_now), m.until, m.ended_at,
         (SELECT c.core FROM consent c WHERE c.practice_id = p_practice AND c.thread_id = p_thread AND c.consent_hash = m.consent_hash),
         (SELECT array_agg(c.link ORDER BY c.seq) FROM chain_link c WHERE c.practice_id = p_practice AND c.account_id = a.account_id)
    FROM thread t
    JOIN practice p ON p.practice_id = p_practice
    JOIN account a ON a.practice_id = p_practice
     AND a.account_id IN (SELECT o.account_id FROM member o WHERE o.practice_id = p_practice AND o.thread_id = p_thread
                          UNION
                          SELECT c.account_id FROM consent c WHERE c.practice_id = p_practice AND c.thread_id = p_thread AND c.consent_hash = ANY (p_consents))
    LEFT JOIN member m ON m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = a.account_id
   WHERE t.practice_id = p_practice AND t.thread_id = p_thread
   ORDER BY a.account_id;
END $$;
