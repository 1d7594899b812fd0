-- Move one thread to the end of the feeds of some of its members, who alone have something new there. Answers the accounts told.
-- The thread's row must be locked. As tell_feeds, in the order of the accounts' ids.
CREATE OR REPLACE FUNCTION tell_readers(p_practice uuid, p_thread uuid, p_accounts uuid[], p_now timestamptz)
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  who uuid;
  told uuid[] := '{}';
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  FOR who IN SELECT m.account_id FROM member m
              WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = ANY (p_accounts) AND present(m, p_now)
              ORDER BY m.account_id
  LOOP
    UPDATE feed f SET last = f.last + 1 WHERE f.practice_id = p_practice AND f.account_id = who;
    UPDATE member m SET feed_at = f.last
      FROM feed f
     WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = who
       AND f.practice_id = p_practice AND f.account_id = who;
    told := told || who;
  END LOOP;
  RETURN told;
END $$;
