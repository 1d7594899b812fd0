-- Links of a chain from p_seq on, each with its keys leaf. The caller wakes the worker, as the last thing it does: that locks
-- the practice's row, which whoever releases locks after threads and feeds.
CREATE OR REPLACE FUNCTION add_links(p_practice uuid, p_account uuid, p_seq integer, p_links bytea[], p_link_promises bytea[],
                                     p_leaf_ids uuid[], p_leaf_data bytea[], p_now timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  INSERT INTO log_leaf (practice_id, log, leaf_id, data, recorded_at)
  SELECT p_practice, 1, l.leaf_id, l.data, p_now FROM unnest(p_leaf_ids, p_leaf_data) AS l (leaf_id, data);
  INSERT INTO chain_link (practice_id, account_id, seq, link, link_promise, leaf_id, recorded_at)
  SELECT p_practice, p_account, p_seq + l.nr - 1, l.link, l.link_promise, l.leaf_id, p_now
    FROM unnest(p_links, p_link_promises, p_leaf_ids) WITH ORDINALITY AS l (link, link_promise, leaf_id, nr);
END $$;
