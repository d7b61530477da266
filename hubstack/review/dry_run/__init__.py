"""The dry run of a review: an API server is asked about the objects of the head, and stores none of them."""
