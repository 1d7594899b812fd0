-- What anybody who holds a practice's id may know of it: its name and its home. No row: no such practice.
CREATE OR REPLACE FUNCTION read_practice(p_practice uuid)
RETURNS TABLE (name text, home bytea, generation integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY SELECT p.name, p.home, p.generation FROM practice p WHERE p.practice_id = p_practice;
END $$;
