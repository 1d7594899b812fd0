-- The open threads for which a rule set counts, by id: the practice's for all; a therapist's where they treat or cover; that of a
-- thread there; a client's own where they take part as a client or as family.
CREATE OR REPLACE FUNCTION reached_by(p_practice uuid, p_owner uuid, p_layer text, p_now timestamptz)
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  found uuid[];
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  IF p_layer = 'practice' THEN
    found := ARRAY(SELECT t.thread_id FROM thread t WHERE t.practice_id = p_practice AND t.is_open);
  ELSIF p_layer IN ('agreement', 'exception') THEN
    found := ARRAY(SELECT t.thread_id FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_owner AND t.is_open);
  ELSE
    found := ARRAY(SELECT t.thread_id FROM member m JOIN thread t ON t.practice_id = p_practice AND t.thread_id = m.thread_id
                    WHERE m.practice_id = p_practice AND m.account_id = p_owner AND present(m, p_now) AND t.is_open
                      AND CASE p_layer WHEN 'therapist' THEN t.owner = p_owner OR (m.role = 3 AND m.until IS NOT NULL)
                                       ELSE m.role IN (1, 4) END);
  END IF;
  RETURN ARRAY(SELECT f FROM unnest(found) AS f ORDER BY f);
END $$;
