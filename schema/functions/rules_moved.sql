-- Whether any of these rule sets (in parallel) has another version in force by now.
CREATE OR REPLACE FUNCTION rules_moved(p_practice uuid, p_owners uuid[], p_layers text[], p_versions integer[])
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN EXISTS (SELECT FROM unnest(p_owners, p_layers, p_versions) AS b (owner, layer, version)
                  WHERE b.version <> coalesce((SELECT max(r.version) FROM rule_set r
                                                WHERE r.practice_id = p_practice AND r.owner = b.owner AND r.layer = b.layer), 0));
END $$;
