-- Which of these accounts are nobody of the staff of the practice who could be called.
CREATE OR REPLACE FUNCTION strangers_among(p_practice uuid, p_accounts uuid[])
RETURNS SETOF uuid LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT s.account_id FROM unnest(p_accounts) AS s (account_id)
   WHERE NOT EXISTS (SELECT FROM account a WHERE a.practice_id = p_practice AND a.account_id = s.account_id AND a.closed_at IS NULL
                                             AND a.roles && ARRAY['therapist', 'administrator', 'supervisor']);
END $$;
