-- Move these threads to the end of the feed of each member who is present (D-7). Answers the accounts told.
-- Called once at the end of a transaction: thread rows are locked before feed rows, each in the order of their ids.
--   p_now  when whoever is there for a time is judged; NULL: when the thread's last item was placed
CREATE OR REPLACE FUNCTION tell_feeds(p_practice uuid, p_threads uuid[], p_now timestamptz DEFAULT NULL)
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  who record;
  top bigint;
  told uuid[] := '{}';
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  FOR who IN SELECT m.account_id, array_agg(m.thread_id ORDER BY m.thread_id) AS threads
               FROM member m JOIN thread t ON t.practice_id = p_practice AND t.thread_id = m.thread_id
              WHERE m.practice_id = p_practice AND m.thread_id = ANY (p_threads) AND present(m, greatest(p_now, t.last_placed_at))
              GROUP BY m.account_id ORDER BY m.account_id
  LOOP
    UPDATE feed f SET last = f.last + cardinality(who.threads)
     WHERE f.practice_id = p_practice AND f.account_id = who.account_id RETURNING f.last INTO STRICT top;
    UPDATE member m SET feed_at = top - cardinality(who.threads) + place.nr
      FROM unnest(who.threads) WITH ORDINALITY AS place (thread_id, nr)
     WHERE m.practice_id = p_practice AND m.thread_id = place.thread_id AND m.account_id = who.account_id;
    told := told || who.account_id;
  END LOOP;
  RETURN told;
END $$;
