-- The rule sets in force of these owners in these layers (in parallel), for the server itself: arrays in the order asked.
-- Version 0 and no rules: none was set.
CREATE OR REPLACE FUNCTION rule_sets_of(p_practice uuid, p_owners uuid[], p_layers text[],
                                        OUT set_owners uuid[], OUT set_layers text[], OUT set_versions integer[], OUT set_rules bytea[])
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  SELECT array_agg(a.owner ORDER BY a.place), array_agg(a.layer ORDER BY a.place),
         array_agg(coalesce(s.version, 0) ORDER BY a.place), array_agg(s.rules ORDER BY a.place)
    INTO set_owners, set_layers, set_versions, set_rules
    FROM unnest(p_owners, p_layers) WITH ORDINALITY AS a (owner, layer, place)
    LEFT JOIN LATERAL (SELECT r.version, r.rules FROM rule_set r
                        WHERE r.practice_id = p_practice AND r.owner = a.owner AND r.layer = a.layer ORDER BY r.version DESC LIMIT 1) s ON true;
END $$;
