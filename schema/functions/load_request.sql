-- A request of a new device that is still known, for whoever holds its look-up id (which follows from the device's keys).
-- No row: no such request, or its time is over; the two are told alike.
CREATE OR REPLACE FUNCTION load_request(p_practice uuid, p_lookup uuid, p_now timestamptz)
RETURNS SETOF device_request LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT r.* FROM device_request r WHERE r.practice_id = p_practice AND r.lookup_id = p_lookup AND r.expires_at > p_now;
END $$;
