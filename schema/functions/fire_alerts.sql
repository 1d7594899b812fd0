-- Send every alert of the practice that is due and that nobody acknowledged before. Answers the accounts to wake.
-- The one place that sends (as release_thread is for messages, D-5): the worker and each read of alerts come here, so nothing hangs on
-- the worker's punctuality. Where a whole list stayed unanswered, the practice is told.
-- Whoever has closed their account meanwhile is passed over, as in raise_alerts: the steps behind take the places before them.
-- Rows are judged under their lock; what another transaction has locked is that one's to send, or is being acknowledged. So two workers
-- send nothing twice, nothing is sent after an acknowledgement, and nobody waits here.
CREATE OR REPLACE FUNCTION fire_alerts(p_practice uuid, p_now timestamptz)
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  due uuid[];
  late uuid[];
  a alert;
  told uuid[] := '{}';
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  FOR a IN SELECT d.* FROM alert d
            WHERE d.practice_id = p_practice AND d.acked_at IS NULL AND d.sent_at IS NULL
              AND EXISTS (SELECT FROM account c WHERE c.practice_id = p_practice AND c.account_id = d.callee AND c.closed_at IS NOT NULL)
            ORDER BY d.thread_id, d.account_id, d.mid, d.step DESC FOR UPDATE OF d SKIP LOCKED
  LOOP
    UPDATE alert d SET due_at = (SELECT max(e.due_at) FROM alert e
                                  WHERE e.practice_id = p_practice AND e.thread_id = d.thread_id AND e.account_id = d.account_id AND e.mid = d.mid
                                    AND e.step >= a.step AND e.step < d.step)
     WHERE d.practice_id = p_practice AND d.thread_id = a.thread_id AND d.account_id = a.account_id AND d.mid = a.mid AND d.step > a.step
       AND d.sent_at IS NULL AND d.acked_at IS NULL;
    DELETE FROM alert d WHERE d.practice_id = p_practice AND d.alert_id = a.alert_id;
  END LOOP;
  due := ARRAY(SELECT d.alert_id FROM alert d
                WHERE d.practice_id = p_practice AND d.acked_at IS NULL AND d.sent_at IS NULL AND d.due_at <= p_now
                ORDER BY d.due_at, d.alert_id FOR UPDATE SKIP LOCKED);
  late := ARRAY(SELECT d.alert_id FROM alert d
                 WHERE d.practice_id = p_practice AND d.acked_at IS NULL AND d.alarmed_at IS NULL AND d.alarm_at <= p_now
                 ORDER BY d.due_at, d.alert_id FOR UPDATE SKIP LOCKED);
  FOR a IN UPDATE alert d SET sent_at = p_now
            WHERE d.practice_id = p_practice AND d.alert_id = ANY (due) AND d.acked_at IS NULL AND d.sent_at IS NULL AND d.due_at <= p_now
           RETURNING d.*
  LOOP
    PERFORM alert_record(p_practice, a, 'sent', jsonb_build_object('sent_at', a.sent_at), p_now);
    told := told || a.callee || a.account_id;
  END LOOP;
  FOR a IN UPDATE alert d SET alarmed_at = p_now
            WHERE d.practice_id = p_practice AND d.alert_id = ANY (late) AND d.acked_at IS NULL AND d.alarmed_at IS NULL AND d.alarm_at <= p_now
           RETURNING d.*
  LOOP
    IF a.step = 1 THEN
      PERFORM alert_record(p_practice, a, 'unanswered', jsonb_build_object('alarm_at', a.alarm_at), p_now);
      told := told || a.account_id || tell_practice(p_practice, a.thread_id, a.account_id, a.mid, p_now);
    END IF;
  END LOOP;
  RETURN told;
END $$;
