-- The threads that somebody of these accounts is or was in, each once, by id; p_thread: that one alone.
CREATE OR REPLACE FUNCTION threads_of(p_practice uuid, p_thread uuid, p_accounts uuid[])
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  an_account uuid;
  found uuid[] := ARRAY[p_thread];
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  IF p_thread IS NULL THEN
    found := '{}';
    FOREACH an_account IN ARRAY p_accounts LOOP     -- one at a time: by index, whatever is known of the table
      found := found || ARRAY(SELECT m.thread_id FROM member m WHERE m.practice_id = p_practice AND m.account_id = an_account);
    END LOOP;
  END IF;
  RETURN ARRAY(SELECT DISTINCT f FROM unnest(found) AS f ORDER BY f);
END $$;
