-- Nobody on call has acknowledged an urgent message: a task for each administrator and supervisor, and for the thread's owner.
-- Answers the accounts told. Ids follow from the message's secret salt, so that it is said once.
CREATE OR REPLACE FUNCTION tell_practice(p_practice uuid, p_thread uuid, p_account uuid, p_mid uuid, p_now timestamptz)
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  who uuid[];
  secret bytea;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  SELECT m.leaf_salt INTO STRICT secret FROM message m
   WHERE m.practice_id = p_practice AND m.account_id = p_account AND m.mid = p_mid;
  who := ARRAY(SELECT a.account_id FROM account a
                WHERE a.practice_id = p_practice AND a.closed_at IS NULL
                  AND (a.roles && ARRAY['administrator', 'supervisor']
                       OR a.account_id = (SELECT t.owner FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread))
                ORDER BY a.account_id);
  PERFORM add_tasks(p_practice, p_now,
    ARRAY(SELECT encode(substring(sha256('\x04'::bytea || secret || uuid_send(w.account_id)) FROM 1 FOR 16), 'hex')::uuid
            FROM unnest(who) WITH ORDINALITY AS w (account_id, nr) ORDER BY w.nr),
    who, array_fill(p_thread, ARRAY[cardinality(who)]), array_fill('alerts_unanswered'::text, ARRAY[cardinality(who)]),
    array_fill(''::text, ARRAY[cardinality(who)]), array_fill(p_now, ARRAY[cardinality(who)]));
  RETURN who;
END $$;
