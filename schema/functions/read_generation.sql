-- The practice's generation and the statement that began it (NULL: it was never restored), for anybody who is logged in.
CREATE OR REPLACE FUNCTION read_generation(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS TABLE (generation integer, statement bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM enter(p_practice, p_token, p_roles, p_now);
  RETURN QUERY
  SELECT p.generation, s.statement
    FROM practice p LEFT JOIN restore_statement s ON s.practice_id = p_practice AND s.generation = p.generation
   WHERE p.practice_id = p_practice;
END $$;
