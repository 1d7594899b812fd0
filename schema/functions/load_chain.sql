-- A person's whole device chain for the server itself, with what a further link is judged and signed with.
--   last_placed_at  the newest position in any of the person's threads (NULL: none): what is recorded now is not older (A-5)
-- No row: no such account.
CREATE OR REPLACE FUNCTION load_chain(p_practice uuid, p_account uuid)
RETURNS TABLE (account_id uuid, chain_id bytea, generation integer, links bytea[], link_promises bytea[], indexes bigint[],
               recorded_at timestamptz[], last_placed_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT a.account_id, a.chain_id, p.generation, l.links, l.promises, l.indexes, l.times,
         (SELECT max(t.last_placed_at) FROM member m
            JOIN thread t ON t.practice_id = p_practice AND t.thread_id = m.thread_id
           WHERE m.practice_id = p_practice AND m.account_id = p_account)
    FROM account a
    JOIN practice p ON p.practice_id = p_practice
    CROSS JOIN LATERAL (
      SELECT array_agg(c.link ORDER BY c.seq) AS links, array_agg(c.link_promise ORDER BY c.seq) AS promises,
             array_agg(f.index ORDER BY c.seq) AS indexes, array_agg(c.recorded_at ORDER BY c.seq) AS times
        FROM chain_link c JOIN log_leaf f ON f.practice_id = p_practice AND f.log = 1 AND f.leaf_id = c.leaf_id
       WHERE c.practice_id = p_practice AND c.account_id = p_account) l
   WHERE a.practice_id = p_practice AND a.account_id = p_account;
END $$;
