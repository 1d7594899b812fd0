-- Which crisis cards the operator has verified, oldest first (D-34). No practice is concerned.
CREATE OR REPLACE FUNCTION read_crisis_checks()
RETURNS TABLE (region text, card_version integer, verified_on date, verified_by text, source text)
LANGUAGE sql STABLE AS $$
  SELECT c.region, c.card_version, c.verified_on, c.verified_by, c.source
    FROM crisis_check c ORDER BY c.verified_on, c.recorded_at
$$;
