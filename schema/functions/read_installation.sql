-- What the whole installation agrees on: how far its clock is turned, and by which zone data it goes. No practice is concerned.
CREATE OR REPLACE FUNCTION read_installation()
RETURNS TABLE (synthetic boolean, clock_offset_ms bigint, tzdata_checksum text)
LANGUAGE sql STABLE AS $$
  SELECT i.synthetic, i.clock_offset_ms, i.tzdata_checksum FROM installation i
$$;
