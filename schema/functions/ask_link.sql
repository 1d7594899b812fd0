-- A new device waits to be linked. Requests whose time is over go with the next ones, a bounded number each time.
--   p_lookup  follows from the keys (checked before), so who asks again with the same keys meets the same request
--   p_most    how many may wait in one practice
-- Outcomes: asked; again (it waits already, until expires_at); full; no_practice; other (another device under this look-up id).
CREATE OR REPLACE FUNCTION ask_link(
  p_practice uuid, p_now timestamptz, p_lookup uuid, p_sign_pk bytea, p_hpke_pk bytea, p_class integer, p_expires_at timestamptz,
  p_most integer, OUT outcome text, OUT expires_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  known device_request;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  DELETE FROM device_request r
   WHERE r.practice_id = p_practice
     AND r.lookup_id IN (SELECT o.lookup_id FROM device_request o
                          WHERE o.practice_id = p_practice AND o.expires_at <= p_now
                          ORDER BY o.lookup_id <> p_lookup, o.lookup_id LIMIT 100 FOR UPDATE SKIP LOCKED);
  SELECT * INTO known FROM device_request r WHERE r.practice_id = p_practice AND r.lookup_id = p_lookup;
  IF FOUND THEN
    outcome := CASE WHEN known.sign_pk = p_sign_pk AND known.hpke_pk = p_hpke_pk AND known.class = p_class THEN 'again' ELSE 'other' END;
    expires_at := known.expires_at;
  ELSIF NOT EXISTS (SELECT FROM practice p WHERE p.practice_id = p_practice) THEN
    outcome := 'no_practice';
  ELSIF (SELECT count(*) FROM device_request r WHERE r.practice_id = p_practice AND r.ended IS NULL) >= p_most THEN
    outcome := 'full';
  ELSE
    INSERT INTO device_request AS r (practice_id, lookup_id, sign_pk, hpke_pk, class, asked_at, expires_at)
    VALUES (p_practice, p_lookup, p_sign_pk, p_hpke_pk, p_class, p_now, p_expires_at)
    ON CONFLICT (practice_id, lookup_id) DO NOTHING;
    outcome := CASE WHEN FOUND THEN 'asked' ELSE 'again' END;   -- its twin came at the same moment
    expires_at := p_expires_at;
  END IF;
END $$;
