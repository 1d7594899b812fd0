-- For the worker: practices that have something due, put off until p_again so that no second node takes them meanwhile.
-- The one function that looks across practices: it sees ids and instants only (D-28).
CREATE OR REPLACE FUNCTION claim_due(p_now timestamptz, p_again timestamptz, p_limit integer)
RETURNS SETOF uuid LANGUAGE sql AS $$
  UPDATE practice_due d SET due_at = p_again
   WHERE d.practice_id IN (SELECT c.practice_id FROM practice_due c WHERE c.due_at <= p_now ORDER BY c.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED)
  RETURNING d.practice_id
$$;
