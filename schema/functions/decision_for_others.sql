-- A decision as others than its sender may see it: without whether it was acknowledged, whether it took the place of another, and
-- what limits said of it. All of that hangs on what else the sender has waiting, or had, of which nobody else may learn (G5, A-4).
--   p_release_at, p_reply_by  as promised by now: of what limits kept back these alone are shown, for a recall brings it forward
CREATE OR REPLACE FUNCTION decision_for_others(p_decision bytea, p_release_at timestamptz, p_reply_by timestamptz)
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT (d.whole - ARRAY['ack', 'ack_again_at', 'left', 'counts_at', 'not_before', 'retry_from']
                  - CASE WHEN d.limited THEN ARRAY['closed_until', 'notice_at', 'long_wait'] ELSE '{}' END)
      || jsonb_build_object(
           'because', coalesce(
             (SELECT jsonb_agg(r.reason ORDER BY r.nr) FROM jsonb_array_elements(d.whole -> 'because') WITH ORDINALITY AS r (reason, nr)
               WHERE r.reason ->> 'kind' !~ '^(ack|replace|budget[.].*|pacing|pacing[.].*)$'
                 AND NOT (d.limited AND r.reason ->> 'kind' = 'bounds')), '[]'),
           'by', coalesce(
             (SELECT jsonb_object_agg(b.field, b.reason) FROM jsonb_each(d.whole -> 'by') AS b (field, reason)
               WHERE b.reason ->> 'kind' !~ '^(ack|replace|budget[.].*|pacing|pacing[.].*)$'
                 AND b.field <> ALL (ARRAY['ack', 'ack_again_at', 'left', 'counts_at', 'not_before', 'retry_from'])
                 AND NOT (d.limited AND b.field = ANY (ARRAY['closed_until', 'notice_at', 'long_wait']))), '{}'))
      || CASE WHEN NOT d.limited THEN '{}' ELSE jsonb_build_object(
           'release_at', to_char(p_release_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
           'recall_until', to_char(p_release_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
           'reply_by', to_char(p_reply_by AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END
    FROM (SELECT w.whole, w.whole ->> 'not_before' IS NOT NULL AS limited
            FROM (SELECT convert_from(p_decision, 'UTF8')::jsonb AS whole) w) d
$$;
