-- A person's device chain from p_from on, with the promises and places of its links in the keys log (index NULL: not yet sequenced).
-- Only one's own, or that of somebody one shares a thread with. ET404 otherwise.
CREATE OR REPLACE FUNCTION read_chain(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_chain bytea, p_from integer)
RETURNS TABLE (account_id uuid, seq integer, link bytea, link_promise bytea, log_index bigint, recorded_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  whose uuid := (SELECT a.account_id FROM account a WHERE a.practice_id = p_practice AND a.chain_id = p_chain);
BEGIN
  IF whose IS NULL OR (whose <> me AND NOT EXISTS (
       SELECT FROM member m JOIN member o ON o.practice_id = p_practice AND o.thread_id = m.thread_id AND o.account_id = whose
        WHERE m.practice_id = p_practice AND m.account_id = me)) THEN
    RAISE EXCEPTION 'no_such_chain' USING ERRCODE = 'ET404';
  END IF;
  RETURN QUERY
  SELECT c.account_id, c.seq, c.link, c.link_promise, f.index, c.recorded_at
    FROM chain_link c JOIN log_leaf f ON f.practice_id = p_practice AND f.log = 1 AND f.leaf_id = c.leaf_id
   WHERE c.practice_id = p_practice AND c.account_id = whose AND c.seq >= p_from
   ORDER BY c.seq;
END $$;
