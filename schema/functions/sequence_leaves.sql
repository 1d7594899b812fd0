-- Number leaves from p_size on, keep the new tree nodes, root and signed checkpoint. False: another sequencer was faster, nothing is changed.
CREATE OR REPLACE FUNCTION sequence_leaves(p_practice uuid, p_log integer, p_size bigint, p_leaves uuid[],
                                           p_levels integer[], p_indexes bigint[], p_hashes bytea[], p_root bytea, p_checkpoint bytea)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  UPDATE log l SET size = p_size + cardinality(p_leaves), root = p_root, checkpoint = p_checkpoint
   WHERE l.practice_id = p_practice AND l.log = p_log AND l.size = p_size;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE log_leaf f SET index = p_size + s.nr - 1
    FROM unnest(p_leaves) WITH ORDINALITY AS s (leaf_id, nr)
   WHERE f.practice_id = p_practice AND f.log = p_log AND f.leaf_id = s.leaf_id AND f.index IS NULL;
  INSERT INTO log_node (practice_id, log, level, index, hash)
  SELECT p_practice, p_log, x.level, x.index, x.hash FROM unnest(p_levels, p_indexes, p_hashes) AS x (level, index, hash);
  RETURN true;
END $$;
