-- Every paper that commits of this thread name or will name, oldest first of each kind; see kind:
--   used       whether an epoch has named it: each consent and each leave counts once
--   charter    body: the container of the charter in force, with the signatures of those who began the thread
--   consent    hash, account, chain and (of staff) name of the newcomer, body: the core, signers and signatures so far
--   leave      hash, account and chain of the leaver, body: the Leave, at: since when they are out
--   admission  account and chain of who accepted an invitation to this thread, body: the invite, more: the accept,
--              signatures: theirs under the charter
-- Whoever came without the history is shown what was not used before, and of the rest the papers of those who were in it then: a
-- Leave that was carried out is not theirs to carry out again, and who came and went is not theirs to know.
-- ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION read_papers(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid)
RETURNS TABLE (kind text, hash bytea, account_id uuid, chain_id bytea, name text, body bytea, more bytea, signers bytea[], signatures bytea[], at timestamptz, used boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
  came_at timestamptz;                      -- NULL: all of it is theirs
BEGIN
  SELECT * INTO me FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  came_at := (SELECT e.placed_at FROM entry e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.n = me.joined_n);
  RETURN QUERY
  SELECT 'charter', h.charter_hash, NULL::uuid, NULL::bytea, ''::text, h.charter, NULL::bytea, NULL::bytea[], NULL::bytea[], NULL::timestamptz, false
    FROM charter h
   WHERE h.practice_id = p_practice AND h.thread_id = p_thread ORDER BY h.n DESC LIMIT 1;
  RETURN QUERY
  SELECT 'consent', c.consent_hash, c.account_id, a.chain_id, a.display_name, c.core, NULL::bytea, s.chains, s.signatures, c.proposed_at,
         EXISTS (SELECT FROM epoch e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND c.consent_hash = ANY (e.names))
    FROM consent c
    JOIN account a ON a.practice_id = p_practice AND a.account_id = c.account_id
    CROSS JOIN LATERAL (
      SELECT array_agg(b.chain_id ORDER BY b.chain_id) AS chains, array_agg(g.signature ORDER BY b.chain_id) AS signatures
        FROM consent_signature g JOIN account b ON b.practice_id = p_practice AND b.account_id = g.account_id
       WHERE g.practice_id = p_practice AND g.thread_id = p_thread AND g.consent_hash = c.consent_hash) s
   WHERE c.practice_id = p_practice AND c.thread_id = p_thread
     AND (came_at IS NULL
          OR NOT EXISTS (SELECT FROM epoch e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.n < me.joined_n AND c.consent_hash = ANY (e.names))
          OR EXISTS (SELECT FROM member o WHERE o.practice_id = p_practice AND o.thread_id = p_thread AND o.account_id = c.account_id
                                            AND o.consent_hash = c.consent_hash AND (o.ended_at IS NULL OR o.ended_at > came_at)))
   ORDER BY c.proposed_at, c.consent_hash;
  RETURN QUERY
  SELECT 'leave', l.leave_hash, l.account_id, a.chain_id, ''::text, l.leave, NULL::bytea, NULL::bytea[], NULL::bytea[], l.left_at,
         EXISTS (SELECT FROM epoch e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND l.leave_hash = ANY (e.names))
    FROM leave l JOIN account a ON a.practice_id = p_practice AND a.account_id = l.account_id
   WHERE l.practice_id = p_practice AND l.thread_id = p_thread
     AND NOT EXISTS (SELECT FROM epoch e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.n < me.joined_n AND l.leave_hash = ANY (e.names))
   ORDER BY l.left_at, l.leave_hash;
  RETURN QUERY
  SELECT 'admission', NULL::bytea, i.accepted_by, a.chain_id, ''::text, i.invite, i.accept, NULL::bytea[], ARRAY[i.accepted_sig], a.joined_at, false
    FROM invitation i JOIN account a ON a.practice_id = p_practice AND a.account_id = i.accepted_by
   WHERE i.practice_id = p_practice AND i.thread_id = p_thread AND NOT i.opens
     AND NOT EXISTS (SELECT FROM member o WHERE o.practice_id = p_practice AND o.thread_id = p_thread AND o.account_id = i.accepted_by
                                            AND o.ended_at <= came_at)
   ORDER BY a.joined_at, i.lookup_id;
END $$;
