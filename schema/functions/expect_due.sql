-- Something of this practice falls due at p_at: wake the worker then, unless it comes earlier anyway.
-- A hint only: reads release for themselves, and the worker looks at each practice every few minutes.
CREATE OR REPLACE FUNCTION expect_due(p_practice uuid, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  IF NOT EXISTS (SELECT FROM practice_due d WHERE d.practice_id = p_practice AND d.due_at <= p_at) THEN
    INSERT INTO practice_due AS d (practice_id, due_at) VALUES (p_practice, p_at)
    ON CONFLICT (practice_id) DO UPDATE SET due_at = least(d.due_at, excluded.due_at);
  END IF;
END $$;
