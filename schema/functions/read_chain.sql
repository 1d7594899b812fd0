-- A person's device chain from p_from on, with the promises and places of its links in the keys log (index NULL: not yet sequenced).
-- One's own; that of anybody who is or was in a thread where the caller is, or is about to come into it (named by a consent, or
-- by an invitation that was accepted); and therapists of a practice among themselves. ET404 otherwise.
CREATE OR REPLACE FUNCTION read_chain(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_chain bytea, p_from integer)
RETURNS TABLE (account_id uuid, seq integer, link bytea, link_promise bytea, log_index bigint, recorded_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
  whose account;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  SELECT * INTO whose FROM account a WHERE a.practice_id = p_practice AND a.chain_id = p_chain;
  IF whose.account_id IS NULL OR (whose.account_id <> me.account_id
     AND NOT ('therapist' = ANY (whose.roles) AND 'therapist' = ANY (me.roles))
     AND NOT EXISTS (
       SELECT FROM member m
        WHERE m.practice_id = p_practice AND m.account_id = me.account_id AND present(m, p_now)
          AND (EXISTS (SELECT FROM member o WHERE o.practice_id = p_practice AND o.thread_id = m.thread_id AND o.account_id = whose.account_id)
            OR EXISTS (SELECT FROM consent c WHERE c.practice_id = p_practice AND c.thread_id = m.thread_id AND c.account_id = whose.account_id)
            OR EXISTS (SELECT FROM invitation i WHERE i.practice_id = p_practice AND i.thread_id = m.thread_id AND i.accepted_by = whose.account_id)))) THEN
    RAISE EXCEPTION 'no_such_chain' USING ERRCODE = 'ET404';
  END IF;
  RETURN QUERY
  SELECT c.account_id, c.seq, c.link, c.link_promise, f.index, c.recorded_at
    FROM chain_link c JOIN log_leaf f ON f.practice_id = p_practice AND f.log = 1 AND f.leaf_id = c.leaf_id
   WHERE c.practice_id = p_practice AND c.account_id = whose.account_id AND c.seq >= p_from
   ORDER BY c.seq;
END $$;
