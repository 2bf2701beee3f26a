"""Pictures of the panel in its states and of the views with a result, for the READMEs, the catalog and to be judged."""
