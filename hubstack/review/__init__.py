"""What a change of settings will do to every hub, in words: two revisions rendered, compared and judged, offline."""
