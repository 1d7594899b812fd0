-- Propose that somebody comes in, or add one's own signature to what the owner proposed (A-6). Everything was verified before.
--   p_most      how many may be open: proposed, and named by no epoch
--   p_newcomer  chain of who is to come; for role 3 a therapist of the practice, for 1 and 4 somebody who accepted an invitation here
-- Outcomes: signed; again (this person had signed it); and why not: signer (neither the owner nor a client), unknown (nobody
-- proposed it: the owner does), newcomer (no such person, or not fit for the role), member (is in the thread already), closed,
-- too_many. complete: the owner and every client have signed. ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION sign_consent(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_thread uuid, p_hash bytea, p_core bytea, p_newcomer bytea, p_role integer, p_signature bytea, p_most integer,
  OUT outcome text, OUT complete boolean, OUT told uuid[])
LANGUAGE plpgsql AS $$
DECLARE
  me record;
  th thread;
  newcomer account;
BEGIN
  SELECT * INTO me FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  told := '{}';
  complete := false;
  SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
  SELECT * INTO me FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);  -- the caller may have left while this waited
  SELECT * INTO newcomer FROM account a WHERE a.practice_id = p_practice AND a.chain_id = p_newcomer AND a.closed_at IS NULL;
  IF NOT th.is_open THEN
    outcome := 'closed';
  ELSIF me.account_id <> th.owner AND me.role <> 1 THEN
    outcome := 'signer';
  ELSIF NOT EXISTS (SELECT FROM consent c WHERE c.practice_id = p_practice AND c.thread_id = p_thread AND c.consent_hash = p_hash)
        AND me.account_id <> th.owner THEN
    outcome := 'unknown';
  ELSIF newcomer.account_id IS NULL
        OR (p_role = 3 AND NOT 'therapist' = ANY (newcomer.roles))
        OR (p_role IN (1, 4) AND NOT EXISTS (SELECT FROM invitation i WHERE i.practice_id = p_practice AND i.thread_id = p_thread
                                                                       AND NOT i.opens AND i.accepted_by = newcomer.account_id)) THEN
    outcome := 'newcomer';
  ELSIF EXISTS (SELECT FROM member m WHERE m.practice_id = p_practice AND m.thread_id = p_thread
                                       AND m.account_id = newcomer.account_id AND present(m, p_now)) THEN
    outcome := 'member';
  ELSIF (SELECT count(*) FROM consent c
          WHERE c.practice_id = p_practice AND c.thread_id = p_thread AND c.consent_hash <> p_hash
            AND NOT EXISTS (SELECT FROM epoch e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND c.consent_hash = ANY (e.names))) >= p_most THEN
    outcome := 'too_many';
  END IF;
  IF outcome IS NOT NULL THEN
    RETURN;
  END IF;
  INSERT INTO consent (practice_id, thread_id, consent_hash, core, account_id, proposed_at)
  VALUES (p_practice, p_thread, p_hash, p_core, newcomer.account_id, p_now) ON CONFLICT DO NOTHING;
  INSERT INTO consent_signature (practice_id, thread_id, consent_hash, account_id, signature, signed_at)
  VALUES (p_practice, p_thread, p_hash, me.account_id, p_signature, p_now) ON CONFLICT DO NOTHING;
  outcome := CASE WHEN FOUND THEN 'signed' ELSE 'again' END;
  complete := NOT EXISTS (
    SELECT FROM member m
     WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND present(m, p_now) AND (m.role = 1 OR m.account_id = th.owner)
       AND NOT EXISTS (SELECT FROM consent_signature s WHERE s.practice_id = p_practice AND s.thread_id = p_thread
                                                         AND s.consent_hash = p_hash AND s.account_id = m.account_id));
  IF outcome = 'signed' THEN
    told := tell_feeds(p_practice, ARRAY[p_thread], p_now);
  END IF;
END $$;
