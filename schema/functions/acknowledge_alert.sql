-- Somebody who was called has seen it: from then on no later step is sent. What was due before is sent first. A repetition changes nothing.
-- known false: the caller has no such alert, or it was not sent.
CREATE OR REPLACE FUNCTION acknowledge_alert(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_alert uuid,
                                             OUT known boolean, OUT told uuid[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  mine alert;
  one alert;
BEGIN
  SELECT * INTO mine FROM alert a WHERE a.practice_id = p_practice AND a.alert_id = p_alert AND a.callee = me;
  -- the whole clock of this message stands still from here on
  PERFORM FROM alert a WHERE a.practice_id = p_practice AND a.thread_id = mine.thread_id AND a.account_id = mine.account_id AND a.mid = mine.mid
    ORDER BY a.step FOR UPDATE;
  told := fire_alerts(p_practice, p_now);
  known := EXISTS (SELECT FROM alert a WHERE a.practice_id = p_practice AND a.alert_id = mine.alert_id AND a.sent_at IS NOT NULL);
  IF NOT known THEN
    RETURN;
  END IF;
  FOR one IN UPDATE alert a SET acked_at = p_now, acked_by = me
              WHERE a.practice_id = p_practice AND a.thread_id = mine.thread_id AND a.account_id = mine.account_id AND a.mid = mine.mid
                AND a.acked_at IS NULL
             RETURNING a.*
  LOOP
    IF one.alert_id = p_alert THEN
      PERFORM alert_record(p_practice, one, 'acknowledged', jsonb_build_object('acknowledged_at', p_now), p_now);
      told := told || one.account_id;
    ELSIF one.sent_at IS NOT NULL THEN
      told := told || one.callee;
    END IF;
  END LOOP;
END $$;
