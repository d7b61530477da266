"""Does mode native make what the chart makes? Both renderings of some values, in one normal form, compared."""
