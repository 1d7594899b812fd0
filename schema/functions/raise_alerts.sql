-- Set the escalation clock of one urgent message going, and send its first alert at once (R-16). Answers the accounts told.
--   arrays run in parallel, one element a step; p_due has one more: when the practice is told that nobody acknowledged
--   p_card  the crisis card that the sender was shown, with its version
-- Whoever is not staff of the practice any more is passed over, and the next one takes that place. Where nobody is left,
-- the practice is told at once. Called inside the command that accepts the message, whose row is there already.
CREATE OR REPLACE FUNCTION raise_alerts(
  p_practice uuid, p_thread uuid, p_account uuid, p_mid uuid,
  p_steps smallint[], p_alert_ids uuid[], p_callees uuid[], p_names text[], p_due timestamptz[], p_card text)
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  called integer;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  INSERT INTO alert (practice_id, thread_id, account_id, mid, step, alert_id, callee, name, due_at, alarm_at, card)
  SELECT p_practice, p_thread, p_account, p_mid, p_steps[k.place::integer], k.alert_id, k.callee, k.name,
         p_due[k.place::integer], p_due[cardinality(p_steps) + 1], p_card
    FROM (SELECT row_number() OVER (ORDER BY s.nr) AS place, s.alert_id, s.callee, s.name
            FROM unnest(p_alert_ids, p_callees, p_names) WITH ORDINALITY AS s (alert_id, callee, name, nr)
            JOIN account a ON a.practice_id = p_practice AND a.account_id = s.callee AND a.closed_at IS NULL
                          AND a.roles && ARRAY['therapist', 'administrator', 'supervisor']) k
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS called = ROW_COUNT;
  IF called = 0 THEN
    RETURN tell_practice(p_practice, p_thread, p_account, p_mid, p_due[1]);
  END IF;
  PERFORM expect_due(p_practice, p_due[2]);       -- the second step, or where there is none the end
  RETURN fire_alerts(p_practice, p_due[1]);
END $$;
